"""Layers as GeoParquet files in the data folder: WKB in WGS 84, read whole into memory."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from django.conf import settings
from numpy.typing import NDArray

from duban.core.files import write_whole
from duban.core.integrity import sha256


@dataclass(frozen=True)
class LayerFeatures:
    """Equally long columns: names and codes ("" where there is none), geometries in WGS 84 degrees."""

    names: list[str]
    codes: list[str]
    geometries: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.names)

    def joined_to(self, earlier: "LayerFeatures") -> "LayerFeatures":
        return LayerFeatures(
            earlier.names + self.names,
            earlier.codes + self.codes,
            np.concatenate([earlier.geometries, self.geometries]),
        )


def layer_path(name: str, version: str) -> Path:
    return settings.DUBAN_DATA / "layers" / f"{name}-{version[:32]}.parquet"


def write_layer(name: str, features: LayerFeatures) -> str:
    """Write the file whole and return its version, the SHA-256 of its bytes."""
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        # No crs member means OGC:CRS84, longitude before latitude.
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    table = pa.table(
        {
            "name": pa.array(features.names, pa.string()),
            "code": pa.array(features.codes, pa.string()),
            "geometry": pa.array(list(shapely.to_wkb(features.geometries)), pa.binary()),
        }
    ).replace_schema_metadata({"geo": json.dumps(geo)})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    data = file.getvalue()
    version = sha256(data)
    write_whole(layer_path(name, version), data)
    return version


def read_layer(name: str, version: str) -> LayerFeatures:
    table = pq.read_table(layer_path(name, version))
    geometries = np.empty(table.num_rows, dtype=object)
    geometries[:] = shapely.from_wkb(table["geometry"].to_pylist())
    return LayerFeatures(table["name"].to_pylist(), table["code"].to_pylist(), geometries)
