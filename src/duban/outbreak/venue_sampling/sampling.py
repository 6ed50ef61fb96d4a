"""What was sampled at a venue, the results of its surfaces, and the entry that a positive one puts on the ledger."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.core.words import checked_words
from duban.ledger.categories import category_index
from duban.ledger.counters import count_up
from duban.ledger.recording import REPORTS, Finding, record_findings
from duban.outbreak.models import Result, SurfaceSample, VenueSampling
from duban.outbreak.venue_sampling.frequencies import PLANS, BadSampling
from duban.outbreak.venue_sampling.rounds import samplings_for
from duban.places import queries as places
from duban.places.codes import LENGTHS
from duban.venues.models import Venue

CATEGORY = "event:10902"
"""Hygiene of premises."""
MAX_STAFF, MAX_WHERE = 10_000, 100
EARLY = timedelta(days=1)


def sampling_for(person: Person, sampling_id: uuid.UUID, *, lock: bool = False) -> VenueSampling:
    """One of the person's area, else NotFound (`sampling_not_found`)."""
    samplings = samplings_for(person)
    found = (samplings.select_for_update(of=("self",)) if lock else samplings).filter(pk=sampling_id).first()
    if found is None:
        raise NotFound("sampling_not_found", _("There is no such sampling, or it is not yours to see."))
    return found


@transaction.atomic
def record_sampling(
    *, by: Person, now: datetime, sampling_id: uuid.UUID, staff_taken: int, surfaces: Sequence[str]
) -> VenueSampling:
    """A round was done: of how many of the staff, and which surfaces; each swab gets a code for its label.

    Done already, what is there is answered. Raises NotFound (`sampling_not_found`), NotAllowed, Conflict
    (`sampling_too_early`), BadSampling (`bad_staff`, `surface_missing`, `nothing_sampled`).
    """
    sampling = sampling_for(by, sampling_id, lock=True)
    rights.require(by, PLANS, sampling.town)
    if sampling.done_at is not None:
        return sampling
    if sampling.due_on > timezone.localdate(now + EARLY):
        raise Conflict("sampling_too_early", _("This round is due later; the one of today stands in the list."))
    if not 0 <= staff_taken <= MAX_STAFF:
        raise BadSampling("bad_staff", _("Say of how many people, from 0 to 10,000."), field="staff_taken")
    places_ = [
        checked_words(where, "surfaces", MAX_WHERE, error=BadSampling, code="surface_missing", needed=True)
        for where in surfaces
    ]
    if not staff_taken and not places_:
        raise BadSampling("nothing_sampled", _("Say what was sampled: people, surfaces or both."), field="staff_taken")
    year = timezone.localtime(now).year
    last = count_up(f"surface:{sampling.town[: LENGTHS[0]]}:{year}", len(places_)) if places_ else 0
    SurfaceSample.objects.bulk_create(
        [
            SurfaceSample(
                sampling=sampling,
                code=f"{sampling.town[: LENGTHS[0]]}-{year}-E{last - len(places_) + number:06d}",
                where=where,
                taken_at=now,
            )
            for number, where in enumerate(places_, start=1)
        ]
    )
    sampling.staff_taken, sampling.surfaces_taken = staff_taken, len(places_)
    sampling.done_at, sampling.done_by = now, by.as_actor()
    sampling.save()
    _audit(by, now, "record_sampling", sampling, staff=staff_taken, surfaces=len(places_))
    return sampling


@transaction.atomic
def record_surface_result(
    *, by: Person, now: datetime, sample_id: int, result: str, resulted_at: datetime | None = None
) -> SurfaceSample:
    """The laboratory's result; a positive one puts an entry on the ledger, without the venue's name.

    The same result again changes nothing. Raises NotFound (`surface_not_found`), NotAllowed, Conflict
    (`result_stands`), BadSampling (`unknown_result`, `result_before_sample`) and what recording a finding raises.
    """
    samples = SurfaceSample.objects.select_for_update(of=("self",)).select_related("sampling__venue")
    sample = samples.filter(pk=sample_id).first()
    if sample is None or not samplings_for(by).filter(pk=sample.sampling_id).exists():
        raise NotFound("surface_not_found", _("There is no such sample, or it is not yours to see."))
    rights.require(by, PLANS, sample.sampling.town)
    if result not in Result.values:
        raise BadSampling("unknown_result", _("The result is negative, grey, positive or invalid."), field="result")
    if sample.result:
        if sample.result == result:
            return sample
        raise Conflict("result_stands", _("This sample has another result already; sample again."), field="result")
    at = resulted_at or now
    if at < sample.taken_at:
        raise BadSampling("result_before_sample", _("The result is older than the sample."), field="resulted_at")
    sample.result, sample.resulted_at = result, at
    if result == Result.POSITIVE:
        sample.entry = _put_on_ledger(by, now, sample)
    sample.save()
    _audit(by, now, "record_surface_result", sample, result=result)
    return sample


def _put_on_ledger(by: Person, now: datetime, sample: SurfaceSample) -> uuid.UUID:
    """An entry of its own id, so that a replay finds it; raises BadSampling (`venue_nowhere`) and refusals of it."""
    venue = sample.sampling.venue
    where = _place(venue)
    with override("zh-hans"):
        words = _("A sample of a surface (%(where)s) was positive; close, disinfect, sample again.") % {
            "where": sample.where
        }
        description = str(words)
    finding = Finding(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"surface:{sample.code}"),
        category=category_index()[CATEGORY],
        found_at=sample.taken_at,
        description=description,
        datum="wgs84",
        jurisdiction=venue.jurisdiction,
        statement=venue.statement or venue.address,
        **where,
    )
    recorded, refused = record_findings(by=by, now=now, findings=[finding], right=REPORTS)
    if refused:
        raise refused[0]
    return recorded[0].entry.pk


def _place(venue: Venue) -> dict[str, Any]:
    if venue.lon is not None and venue.lat is not None:
        return {"lon": venue.lon, "lat": venue.lat, "position_source": "map"}
    point = places.point_of(venue.jurisdiction)
    if point is None:
        raise BadSampling("venue_nowhere", _("Nobody knows where the venue lies; give it a position first."))
    lon, lat, accuracy = point
    return {"lon": lon, "lat": lat, "position_source": "statement", "accuracy_m": accuracy}


def _audit(by: Person, now: datetime, action: str, subject: VenueSampling | SurfaceSample, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type=subject._meta.model_name or "", subject_id=subject.pk, detail=detail
    )
