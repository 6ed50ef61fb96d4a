import pytest
from tests.commons.deliberation.building import Neighbourhood, make_neighbourhood


@pytest.fixture
def home(db: None) -> Neighbourhood:
    return make_neighbourhood()
