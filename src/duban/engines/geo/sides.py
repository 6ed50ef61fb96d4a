"""The eight sides as statements name them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIDES = ("北侧", "东北侧", "东侧", "东南侧", "南侧", "西南侧", "西侧", "西北侧")
SIDES_EN = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


def side_index(bearing: ArrayLike) -> NDArray[np.intp]:
    """Bearings (n,) in degrees clockwise from north to indices into SIDES; each spans 45 degrees."""
    bearing = np.atleast_1d(np.asarray(bearing, dtype=np.float64))
    return np.floor((bearing + 22.5) / 45.0).astype(np.intp) % 8


def side_of(bearing: float) -> str:
    """The side that a bearing in degrees, from the thing towards the point, lies on."""
    return SIDES[int(side_index(bearing)[0])]
