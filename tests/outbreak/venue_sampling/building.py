"""What two_towns.py holds of venue sampling: a market of each town, its round, and a swab that waits."""

from datetime import datetime

from tests.patrol.exposing import make_venue

from duban.access.models import Person
from duban.outbreak.models import SurfaceSample
from duban.outbreak.venue_sampling.rounds import plan_rounds, samplings_for
from duban.outbreak.venue_sampling.sampling import record_sampling


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys of the round and its swab, and what betrays them."""
    market = make_venue(f"{words} 农贸市场", town, kind="market")
    plan_rounds(now=now, codes=[town])
    round_ = samplings_for(by).filter(venue=market)[0]
    record_sampling(by=by, now=now, sampling_id=round_.pk, staff_taken=3, surfaces=[f"{words} 案板"])
    swab = SurfaceSample.objects.get(sampling=round_)
    keys = {"<sampling_id>": str(round_.pk), "<sample_id>": str(swab.pk)}
    return keys, {str(round_.pk), swab.code}
