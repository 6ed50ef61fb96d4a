"""The check-lists that come with `migrate`."""

from datetime import timedelta

import pytest

from duban.demo.builders import NOON
from duban.ledger.categories import category_index
from duban.patrol.builtin import item_facts, load_checklists
from duban.patrol.models import CheckList, CheckListVersion, Item, Severity, VersionState
from duban.venues.models import VenueType

pytestmark = pytest.mark.django_db
CONTRACT = (
    "code_scan thermometer temperature masks disinfection ventilation code_poster visitor_register smoking".split()
)
TYPES = "restaurant shop supermarket market salon netcafe mall village_store".split()


def test_every_item_and_type_of_the_contract_is_there() -> None:
    versions = CheckListVersion.objects.filter(state=VersionState.IN_USE)
    assert set(CONTRACT) <= set(Item.objects.filter(version__in=versions).values_list("key", flat=True))
    for kind in TYPES:
        keys = {item.key for version in versions if kind in version.venue_types for item in version.items.all()}
        assert {"masks", "code_scan", "health_certificates"} <= keys, kind
    assert "smoking" in set(versions.get(checklist__key="epidemic-services").items.values_list("key", flat=True))


def test_each_built_in_item_says_everything_of_a_failure() -> None:
    categories, types = category_index(), set(VenueType.objects.values_list("key", flat=True))
    for key, facts in item_facts().items():
        assert facts["category"] in categories, key
        assert facts["severity"] in Severity.values, key
        assert facts["days_to_mend"] > 0, key
        assert all(facts[name] for name in ("label", "label_en", "basis", "wording", "wording_en")), key
    for version in CheckListVersion.objects.all():
        assert set(version.venue_types) <= types
        assert {item.group for item in version.items.all()} == set(version.kept["groups"])


def test_loading_again_adds_nothing_and_leaves_what_the_office_changed() -> None:
    CheckList.objects.filter(key="safety").update(title="本局安全表")
    before = list(Item.objects.order_by("pk").values_list("pk", "version", "key"))
    assert load_checklists(now=NOON + timedelta(days=1)) == 0
    assert list(Item.objects.order_by("pk").values_list("pk", "version", "key")) == before
    assert CheckList.objects.get(key="safety").title == "本局安全表"
