"""Role by scope by address and by step: who gets in, written out here, tried on the real addresses and the real table.

Nothing is computed from the code under test but the list of what there is: an address, a method or a step that has no
row fails. Roles are letters; each is tried at the town of what is asked for, above it, and at another town.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from tests.reading import addresses
from tests.two_towns import ABSENT, GETS, HERE, NOBODY, NOW, ROLES, WORDS, World, filled

from duban.access.models import Role
from duban.config.api import api
from duban.core import clock
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Entry

pytestmark = pytest.mark.django_db
ALL = "IHSPOCLA"
LETTERS = dict(zip(ALL, ROLES, strict=True))
Row = str | tuple[str, str, str]
"""Who gets in at the town, above it, elsewhere. One word: the same above; elsewhere too, if the address has no key."""

# By step who may take it; the page of the entry and the API alike.
STEPS = {
    "list": "S",
    "assign": "S",
    "remedy": "H",
    "close": "S",
    "reject": "S",
    "return": "H",
    "ask_extension": "H",
    "grant_extension": "S",
    "refuse_extension": "S",
    "hold": "S",
    "resume": "S",
    "escalate": "S",
    "split": "S",
    "merge": "S",
    "unmerge": "S",
    "void": "S",
    "restore": "S",
    "reopen": "S",
    "stands": "IS",
    "recurred": "IS",
    "not_inspected": "IS",
    "amend": "S",
    "add_photo": "IS",
}
# Check-lists are of the whole installation: a role anywhere will do.
LISTS_SEEN: Row = ("IHSLA", "IHSLA", "IHSLA")
LISTS_EDITED: Row = ("SA", "SA", "SA")
ROWS: dict[str, Row] = {
    **{f"POST /ledger/<entry_id>/{action}/": roles for action, roles in STEPS.items()},
    **{f"POST /api/v1/entries/<entry_id>/{action}": roles for action, roles in STEPS.items()},
    "GET /": ALL,
    "GET /account/": ALL,
    "GET /account/again/": ALL,
    "POST /account/again/": ALL,
    "GET /account/code/": ALL,
    "POST /account/code/": ALL,
    "GET /account/code/again/": ALL,
    "POST /account/code/again/": ALL,
    "GET /account/login/": ALL,
    "POST /account/login/": ALL,
    "POST /account/logout/": ALL,
    "GET /account/mail/": ALL,
    "POST /account/mail/": ALL,
    "GET /account/password/": ALL,
    "POST /account/password/": ALL,
    "GET /account/people/": "A",
    "GET /account/people/<person_id>/": "A",
    "POST /account/people/<person_id>/": "A",
    "POST /account/people/<person_id>/close/": "A",
    "POST /account/people/<person_id>/open/": "A",
    "POST /account/people/<person_id>/reset/": "A",
    "POST /account/people/<person_id>/roles/<role_id>/take/": "A",
    "POST /account/people/<person_id>/unlock/": "A",
    "GET /account/people/add/": "A",
    "POST /account/people/add/": "A",
    "GET /account/second-factor/": ALL,
    "GET /account/second-factor/codes/": "",
    "GET /account/second-factor/codes/new/": ALL,
    "POST /account/second-factor/codes/new/": ALL,
    "GET /account/second-factor/remove/": "",
    "POST /account/second-factor/remove/": "",
    "GET /account/second-factor/set-up/": ALL,
    "POST /account/second-factor/set-up/": ALL,
    "GET /account/sessions/": ALL,
    "POST /account/sessions/": ALL,
    "GET /account/stand-in/": ALL,
    "POST /account/stand-in/": ALL,
    "POST /account/stand-in/<delegation_id>/end/": ("IS", "", ""),
    "GET /account/tokens/": ALL,
    "POST /account/tokens/": ALL,
    "POST /account/tokens/<token_id>/revoke/": ("S", "", ""),
    "GET /api/v1/": "",
    "GET /api/v1/bulletins/": ALL,
    "POST /api/v1/bulletins/": "S",
    "GET /api/v1/bulletins/<issue_id>/": "SPL",
    "PATCH /api/v1/bulletins/<issue_id>/": "S",
    "POST /api/v1/bulletins/<issue_id>/approve/": ("P", "SP", ""),
    "POST /api/v1/bulletins/<issue_id>/correct/": "S",
    "POST /api/v1/bulletins/<issue_id>/discard/": "S",
    "POST /api/v1/bulletins/<issue_id>/publish/": "S",
    "GET /api/v1/bulletins/drafts/": ALL,
    "GET /api/v1/entries/": "IHSPLA",
    "GET /api/v1/entries/<entry_id>": "IHSPLA",
    "PUT /api/v1/entries/<entry_id>": ("IS", "IS", "IS"),
    "POST /api/v1/entries/amendments": "S",
    "GET /api/v1/entries/categories": ALL,
    "GET /api/v1/entries/export.csv": "IHSPLA",
    "GET /api/v1/entries/export.geojson": "IHSPLA",
    "GET /api/v1/entries/export.xlsx": "IHSPLA",
    "PUT /api/v1/evidence/<sha256>": ("IHS", "IHS", "IHS"),
    "GET /api/v1/figures": "SPLA",
    "GET /api/v1/lookback": "ISPLA",
    "GET /api/v1/lookback/<round_id>": "ISPLA",
    "PUT /api/v1/lookback/<round_id>": "IS",
    "POST /api/v1/lookback/<round_id>/close": "IS",
    "GET /api/v1/lookback/<round_id>/items": "ISPLA",
    "GET /api/v1/lookback/<round_id>/redraw": "ISPLA",
    "GET /api/v1/openapi.json": ALL,
    "GET /api/v1/places/jurisdictions": ALL,
    "GET /api/v1/places/locate": ALL,
    "GET /bulletins/": ALL,
    "GET /bulletins/<issue_id>/": (ALL, ALL, ALL),
    "GET /bulletins/<issue_id>/<kind>-<language>/": (ALL, ALL, ALL),
    "GET /bulletins/desk/": "SPL",
    "GET /bulletins/desk/<issue_id>/": "SPL",
    "POST /bulletins/desk/<issue_id>/save/": "",
    "POST /bulletins/desk/<issue_id>/approve/": ("P", "SP", ""),
    "POST /bulletins/desk/<issue_id>/publish/": "S",
    "POST /bulletins/desk/<issue_id>/discard/": "S",
    "POST /bulletins/desk/<issue_id>/correct/": "S",
    "POST /bulletins/desk/<issue_id>/refresh/": "S",
    "GET /bulletins/desk/<issue_id>/preview/": "SPL",
    "POST /bulletins/desk/new/": "S",
    "GET /bulletins/feed/": ALL,
    "GET /bulletins/page-<digest>.css": (ALL, ALL, ALL),
    "GET /bulletins/photos/<sha256>/<variant>/": (ALL, ALL, ALL),
    "GET /bulletins/points/": ALL,
    "GET /bulletins/search/": ALL,
    "GET /desk/": ALL,
    "GET /decisions/": "HSOCL",
    "GET /decisions/<decision_id>/": "HSOCL",
    "POST /decisions/<decision_id>/link/": "SOC",
    "POST /decisions/<decision_id>/unlink/": "SOC",
    "POST /decisions/<decision_id>/close/": "SC",
    "POST /decisions/<decision_id>/withdraw/": "SC",
    "GET /decisions/meetings/": "SOCL",
    "POST /decisions/meetings/": "SC",
    "GET /decisions/bodies/<body_id>/": "SOCL",
    "POST /decisions/bodies/<body_id>/": "SC",
    "GET /decisions/meetings/<meeting_id>/": "SOCL",
    **{
        f"POST /decisions/meetings/<meeting_id>/{step}/": "SC"
        for step in ("change", "attendance", "minutes", "cancel", "decisions", "papers")
    },
    "POST /decisions/meetings/<meeting_id>/approve/": "SCL",
    "GET /decisions/meetings/<meeting_id>/papers/<meeting_paper_id>/": "SOCL",
    "POST /i18n/setlang/": ALL,
    "GET /ledger/": "IHSPLA",
    "GET /ledger/<entry_id>/": "IHSPLA",
    "GET /ledger/<entry_id>/verify/": "IHSPLA",
    "GET /api/v1/patrol/exposed": ALL,
    "GET /api/v1/patrol/exposures/<exposure_id>": "SPL",
    "PUT /api/v1/patrol/exposures/<exposure_id>": "S",
    "POST /api/v1/patrol/exposures/<exposure_id>/approve": ("P", "SP", ""),
    "POST /api/v1/patrol/exposures/<exposure_id>/refuse": ("P", "SP", ""),
    "POST /api/v1/patrol/exposures/<exposure_id>/reply": "S",
    "POST /api/v1/patrol/exposures/<exposure_id>/withdraw": "SP",
    "GET /api/v1/patrol/rounds": "IHSL",
    "GET /api/v1/patrol/rounds/<campaign_id>": "IHSL",
    "PUT /api/v1/patrol/rounds/<campaign_id>": "S",
    "POST /api/v1/patrol/rounds/<campaign_id>/assign": "S",
    "POST /api/v1/patrol/rounds/<campaign_id>/close": "S",
    "GET /api/v1/patrol/rounds/<campaign_id>/redraw": "IHSL",
    "GET /api/v1/patrol/rounds/<campaign_id>/venues": "IHSL",
    "GET /api/v1/patrol/brief": "SPLA",
    "GET /api/v1/patrol/brief/rows": "SPLA",
    "POST /api/v1/patrol/brief/clean": "S",
    "GET /ledger/add/": "IS",
    "POST /ledger/add/": "IS",
    "POST /ledger/add/photos/": "IHS",
    "GET /ledger/add/photos/<word>/": ("S", "", ""),
    "GET /ledger/add/place/": "IS",
    "POST /ledger/bulk/": "S",
    "GET /ledger/clusters.geojson": "IHSPLA",
    "GET /ledger/export.csv": "IHSPLA",
    "GET /ledger/export.geojson": "IHSPLA",
    "GET /ledger/export.xlsx": "IHSPLA",
    "GET /ledger/export/<job_id>/": "",
    "GET /ledger/export/<job_id>/ledger.xlsx": "",
    "GET /ledger/figures/": "SPLA",
    "GET /ledger/figures/evaluation.<form>": ("SPLA", "SPLA", "SPLA"),
    "GET /ledger/figures/trend/": "SPLA",
    "GET /ledger/figures/weights/": "A",
    "POST /ledger/figures/weights/": "A",
    "GET /ledger/import/": "IS",
    "POST /ledger/import/": "IS",
    "GET /ledger/import/<job_id>/": ("S", "", ""),
    "GET /ledger/import/<job_id>/refused.csv": "",
    "POST /ledger/import/<job_id>/take/": ("S", "", ""),
    "POST /ledger/import/edited/": "S",
    "GET /ledger/import/template.csv": "IS",
    "GET /ledger/import/template.xlsx": "IS",
    "GET /ledger/lookback/": "ISPLA",
    "POST /ledger/lookback/": ("IS", "IS", ""),
    "GET /ledger/lookback/<round_id>/": "ISPLA",
    "POST /ledger/lookback/<round_id>/close/": "IS",
    "GET /ledger/lookback/<round_id>/frame.csv": "ISPLA",
    "GET /ledger/lookback/<round_id>/redraw/": "ISPLA",
    "GET /ledger/lookback/preview/": "IS",
    "GET /ledger/notices/": "IHSPLA",
    "POST /ledger/notices/read/": "IHSPLA",
    "GET /ledger/photos/<sha256>/<variant>/": "IHSPLA",
    "GET /ledger/points.geojson": "IHSPLA",
    "GET /ledger/saved/": "IHSPLA",
    "POST /ledger/saved/": "IHSPLA",
    "POST /ledger/saved/<filter_id>/delete/": ("S", "", ""),
    "POST /ledger/saved/<filter_id>/rename/": ("S", "", ""),
    "GET /ledger/triage/": "S",
    "POST /ledger/triage/<entry_id>/list/": "S",
    "POST /ledger/triage/<entry_id>/void/": "S",
    "POST /ledger/triage/<entry_id>/merge/": "S",
    "POST /ledger/triage/<entry_id>/restore/": "",
    "GET /patrol/exposed/": ALL,
    "GET /patrol/exposed.json": ALL,
    "GET /patrol/exposures/": "SPL",
    "GET /patrol/exposures/<exposure_id>/": "SPL",
    "POST /patrol/exposures/<exposure_id>/approve/": ("P", "SP", ""),
    "POST /patrol/exposures/<exposure_id>/refuse/": ("P", "SP", ""),
    "POST /patrol/exposures/<exposure_id>/reply/": "S",
    "POST /patrol/exposures/<exposure_id>/withdraw/": "SP",
    "GET /patrol/exposures/propose/<finished_id>/": "S",
    "POST /patrol/exposures/propose/<finished_id>/": "S",
    "GET /patrol/visits/": "IHSL",
    "GET /patrol/visits/start/<venue_id>/": "IS",
    "POST /patrol/visits/start/<venue_id>/": "IS",
    "GET /patrol/visits/<visit_id>/": "IHSL",
    "POST /patrol/visits/<visit_id>/answers/": ("S", "", ""),
    "POST /patrol/visits/<visit_id>/photos/": ("S", "", ""),
    "GET /patrol/visits/<visit_id>/photos/<sha256>/<variant>/": "IHSL",
    "GET /patrol/visits/<visit_id>/finish/": "IS",
    "POST /patrol/visits/<visit_id>/finish/": ("S", "", ""),
    "POST /patrol/visits/<visit_id>/void/": "S",
    "GET /patrol/visits/<visit_id>/slip.pdf": "IHSL",
    "GET /patrol/visits/<visit_id>/signature.png": "IHSL",
    "GET /patrol/failures/": "IHSL",
    "GET /patrol/notices/": "IHSL",
    "GET /api/v1/patrol/visits": "IHSL",
    "GET /api/v1/patrol/visits/<visit_id>": "IHSL",
    "PUT /api/v1/patrol/visits/<visit_id>": "IS",
    "POST /api/v1/patrol/visits/<visit_id>/void": "S",
    "GET /api/v1/patrol/failures": "IHSL",
    "GET /patrol/rounds/": "IHSL",
    "POST /patrol/rounds/": "S",
    "GET /patrol/rounds/<campaign_id>/": "IHSL",
    "POST /patrol/rounds/<campaign_id>/assign/": "S",
    "POST /patrol/rounds/<campaign_id>/close/": "S",
    "GET /patrol/rounds/<campaign_id>/frame.csv": "IHSL",
    "GET /patrol/rounds/<campaign_id>/points.geojson": "IHSL",
    "GET /patrol/rounds/<campaign_id>/redraw/": "IHSL",
    "GET /patrol/rounds/mine/": "IS",
    "GET /patrol/rounds/preview/": "S",
    "GET /patrol/figures/": "SPLA",
    "POST /patrol/figures/clean/": "S",
    "GET /patrol/figures/inspections.<form>": ("SPLA", "SPLA", "SPLA"),
    "GET /patrol/figures/rows/": "SPLA",
    "GET /patrol/figures/trend/": "SPLA",
    "GET /patrol/import/": "IS",
    "POST /patrol/import/": "IS",
    "GET /patrol/import/<import_id>/": ("S", "", ""),
    "GET /patrol/import/<import_id>/refused.csv": "",
    "POST /patrol/import/<import_id>/take/": ("S", "", ""),
    "GET /patrol/import/template.<form>": ("IS", "IS", "IS"),
    "GET /venues/": "IHSPLA",
    "GET /venues/points.geojson": "IHSPLA",
    "GET /venues/clusters.geojson": "IHSPLA",
    "GET /venues/add/": "IS",
    "POST /venues/add/": "IS",
    "GET /venues/look-alikes/": "IS",
    "GET /venues/export.csv": "IHSPLA",
    "GET /venues/export.xlsx": "IHSPLA",
    "GET /venues/import/": "IS",
    "POST /venues/import/": "IS",
    "GET /venues/import/template.csv": "IS",
    "GET /venues/import/template.xlsx": "IS",
    "GET /venues/import/<upload_id>/": ("S", "", ""),
    "GET /venues/import/<upload_id>/refused.csv": ("S", "", ""),
    "POST /venues/import/<upload_id>/take/": ("S", "", ""),
    "GET /venues/stickers/": "IHSPLA",
    "GET /venues/stickers.pdf": "IHSPLA",
    "GET /venues/types/": "A",
    "POST /venues/types/": "A",
    "POST /venues/types/<type_key>/remove/": ("A", "A", "A"),
    "GET /venues/<venue_id>/edit/": "IS",
    "POST /venues/<venue_id>/edit/": "IS",
    "POST /venues/<venue_id>/close/": "IS",
    "POST /venues/<venue_id>/reopen/": "IS",
    "GET /venues/<venue_id>/contact/": "IS",
    "POST /venues/<venue_id>/contact/": "IS",
    "GET /venues/<venue_id>/sticker.svg": "IHSPLA",
    "GET /venues/<venue_id>/sticker.png": "IHSPLA",
    "POST /venues/<venue_id>/sticker/": "IS",
    "GET /patrol/venues/<venue_id>/": "IHSPLA",
    "GET /v/<token>": "IHSPLA",
    "GET /api/v1/venues/": "IHSPLA",
    "GET /api/v1/venues/types": ALL,
    "GET /api/v1/venues/points": "IHSPLA",
    "GET /api/v1/venues/<venue_id>": "IHSPLA",
    "PUT /api/v1/venues/<venue_id>": "IS",
    "PATCH /api/v1/venues/<venue_id>": "IS",
    "POST /api/v1/venues/<venue_id>/close": "IS",
    "POST /api/v1/venues/<venue_id>/reopen": "IS",
    "POST /api/v1/venues/<venue_id>/contact": "IS",
    "GET /patrol/lists/": LISTS_SEEN,
    "POST /patrol/lists/": LISTS_EDITED,
    "GET /patrol/lists/<checklist>/": LISTS_SEEN,
    "GET /patrol/lists/<checklist>/compare/": LISTS_SEEN,
    "POST /patrol/lists/<checklist>/draft/": LISTS_EDITED,
    "GET /patrol/lists/<checklist>/<number>/": LISTS_SEEN,
    "GET /patrol/lists/<checklist>/<number>/form.xlsx": LISTS_SEEN,
    "GET /patrol/lists/<checklist>/<number>/preview/": LISTS_SEEN,
    "GET /patrol/lists/<checklist>/<number>/edit/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/edit/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/use/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/discard/": LISTS_EDITED,
    "GET /patrol/lists/<checklist>/<number>/items/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/items/": LISTS_EDITED,
    "GET /patrol/lists/<checklist>/<number>/items/<item>/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/items/<item>/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/items/<item>/move/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/items/<item>/remove/": LISTS_EDITED,
    "GET /patrol/lists/<checklist>/<number>/choices/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/choices/": LISTS_EDITED,
    "GET /patrol/lists/<checklist>/<number>/choices/<list_name>/": LISTS_EDITED,
    "POST /patrol/lists/<checklist>/<number>/choices/<list_name>/": LISTS_EDITED,
    "GET /patrol/xlsform/": LISTS_EDITED,
    "POST /patrol/xlsform/": LISTS_EDITED,
    "GET /api/v1/patrol/checklists": LISTS_SEEN,
    "POST /api/v1/patrol/checklists": LISTS_EDITED,
    "GET /api/v1/patrol/checklists/<checklist>": LISTS_SEEN,
    "PUT /api/v1/patrol/checklists/<checklist>": LISTS_EDITED,
    "POST /api/v1/patrol/checklists/<checklist>/draft": LISTS_EDITED,
    "GET /api/v1/patrol/checklists/<checklist>/<number>": LISTS_SEEN,
    "DELETE /api/v1/patrol/checklists/<checklist>/<number>": LISTS_EDITED,
    "GET /api/v1/patrol/checklists/<checklist>/<number>/form.xlsx": LISTS_SEEN,
    "POST /api/v1/patrol/checklists/<checklist>/<number>/use": LISTS_EDITED,
    "PUT /api/v1/patrol/checklists/<checklist>/<number>/items/<item>": LISTS_EDITED,
    "DELETE /api/v1/patrol/checklists/<checklist>/<number>/items/<item>": LISTS_EDITED,
    "POST /api/v1/patrol/checklists/<checklist>/<number>/items/<item>/move": LISTS_EDITED,
    "PUT /api/v1/patrol/checklists/<checklist>/<number>/choices/<list_name>": LISTS_EDITED,
    "GET /api/v1/outbreak/areas": ALL,
    "POST /api/v1/outbreak/areas": "O",
    "GET /api/v1/outbreak/areas/<area_id>": (ALL, ALL, ALL),
    "GET /api/v1/outbreak/screenings": "SOL",
    "GET /api/v1/outbreak/screenings/<screening_id>": "SOL",
    "GET /api/v1/outbreak/screenings/<screening_id>/people": "O",
    "GET /outbreak/": "SOL",
    "GET /outbreak/areas/": ALL,
    "GET /outbreak/areas/<area_id>/": (ALL, ALL, ALL),
    "GET /outbreak/areas/<declared_id>/change/": "O",
    "POST /outbreak/areas/<declared_id>/change/": "O",
    "POST /outbreak/areas/<declared_id>/lift/": "O",
    "GET /outbreak/areas/<declared_id>/split/": "O",
    "POST /outbreak/areas/<declared_id>/split/": "O",
    "POST /api/v1/outbreak/areas/<declared_id>/split": "O",
    "GET /outbreak/areas/areas.geojson": ALL,
    "GET /outbreak/areas/feed/": ALL,
    "GET /outbreak/declare/": "O",
    "POST /outbreak/declare/": "O",
    "GET /outbreak/found/<found_id>/": "O",
    "POST /outbreak/found/<found_id>/": "O",
    "GET /outbreak/rules/": "OA",
    "GET /outbreak/rules/add/": "OA",
    "POST /outbreak/rules/add/": "OA",
    "GET /outbreak/rules/<rule_job_id>/": ("O", "", ""),
    "POST /outbreak/rules/<rule_job_id>/keep/": ("O", "", ""),
    "GET /outbreak/files/<file_id>/release/": "O",
    "POST /outbreak/files/<file_id>/release/": "O",
    "GET /outbreak/files/<released_id>/certificate.pdf": "O",
    "GET /certificate/<code>/": (ALL, ALL, ALL),
    "GET /outbreak/files/": "OC",
    "POST /outbreak/files/": "OC",
    "GET /outbreak/files/<file_id>/": "OC",
    "POST /outbreak/files/<file_id>/change/": "OC",
    "POST /outbreak/files/<file_id>/look/": "O",
    # Contacts live anywhere in the district, so the office traces them.
    "POST /outbreak/files/<file_id>/trace/": ("", "O", ""),
    "GET /outbreak/files/import/": "O",
    "POST /outbreak/files/import/": "O",
    "GET /outbreak/files/import/<handover_id>/": ("O", "", ""),
    "GET /outbreak/files/import/<handover_id>/refused.csv": ("O", "", ""),
    "POST /outbreak/files/import/<handover_id>/take/": ("O", "", ""),
    "GET /outbreak/files/new/": "O",
    "POST /outbreak/files/new/": "O",
    "GET /outbreak/files/opening/<opening_id>/": ("O", "", ""),
    "GET /outbreak/presences/": "O",
    "POST /outbreak/presences/": "O",
    "GET /outbreak/presences/<list_id>/": ("O", "", ""),
    "GET /outbreak/presences/<list_id>/refused.csv": ("O", "", ""),
    "GET /outbreak/sampling/": "SOL",
    "POST /outbreak/sampling/plan/": "O",
    "GET /outbreak/sampling/planner/": "SOL",
    "GET /outbreak/sampling/in-force/": "SOL",
    "POST /outbreak/sampling/in-force/": "O",
    "GET /outbreak/sampling/<sampling_id>/": "SOL",
    "POST /outbreak/sampling/<sampling_id>/": "O",
    "POST /outbreak/sampling/<sampling_id>/surfaces/<sample_id>/": "O",
    "GET /outbreak/runs/<screening_id>/": "SOL",
    "POST /outbreak/runs/<screening_id>/hand/": "O",
    "POST /outbreak/runs/<screening_id>/list.csv": "O",
    "POST /outbreak/runs/<screening_id>/reproduce/": "O",
    "POST /outbreak/screen/": "O",
    "GET /outbreak/screen/<preview_id>/": ("O", "", ""),
    "POST /outbreak/screen/<preview_id>/keep/": ("O", "", ""),
    "GET /outbreak/trace/": "O",
    "POST /outbreak/trace/": "O",
    "GET /outbreak/trace/<trace_id>/": ("O", "", ""),
    "GET /outbreak/trace/<trace_id>/contacts.parquet": ("O", "", ""),
    "GET /outbreak/sites/": "OCL",
    "GET /outbreak/sites/add/": "O",
    "POST /outbreak/sites/add/": "O",
    "GET /outbreak/sites/<site_id>/": "OCL",
    **{f"POST /outbreak/sites/<site_id>/{step}/": "O" for step in ("rooms", "place", "close")},
    "GET /outbreak/sites/<site_id>/round/": "OC",
    "POST /outbreak/sites/<site_id>/round/": "OC",
    "GET /outbreak/sites/beds/<bed_id>/": "OCL",
    **{f"POST /outbreak/sites/beds/<bed_id>/{step}/": "O" for step in ("assign", "move", "leave", "use")},
    "GET /outbreak/care/alerts/": "OCL",
    **{f"POST /outbreak/care/alerts/<alert_id>/{step}/": "OC" for step in ("take", "close")},
    "GET /outbreak/care/requests/": "OC",
    **{f"POST /outbreak/care/requests/<request_id>/{step}/": "OC" for step in ("give", "done")},
    "GET /outbreak/care/<file_id>/": "OC",
    **{f"POST /outbreak/care/<file_id>/{step}/": "OC" for step in ("report", "ask", "link", "link/end")},
    "GET /care/<secret>/": (ALL, ALL, ALL),
    **{f"POST /care/<secret>/{step}/": (ALL, ALL, ALL) for step in ("report", "ask")},
    "GET /care/<secret>/mine/": (ALL, ALL, ALL),
    **{f"POST /care/<secret>/mine/{step}/": (ALL, ALL, ALL) for step in ("whole", "correct")},
    "GET /outbreak/files/export/": "O",
    "POST /outbreak/files/export/": "O",
    "GET /outbreak/looks/": "L",
    "POST /outbreak/looks/<look_id>/review/": "L",
    "GET /outbreak/corrections/": "O",
    "GET /outbreak/corrections/<correction_id>/": "O",
    "POST /outbreak/corrections/<correction_id>/": "O",
    "GET /outbreak/deletions/": "OLA",
    "POST /outbreak/deletions/run/": "A",
    "GET /outbreak/deletions/<deletion_id>/": "OLA",
    "GET /outbreak/deletions/<deletion_id>/certificate.pdf": "OLA",
    "GET /outbreak/today/": "OC",
    **{f"POST /outbreak/today/{step}/": "OC" for step in ("done", "undo")},
    "GET /outbreak/funnel/": "SOL",
    "GET /outbreak/funnel/rows/": "O",
    "GET /outbreak/report/": "SOL",
    "GET /outbreak/report/following.<form>": ("SOL", "SOL", "SOL"),
    "GET /outbreak/samples/": "OC",
    "POST /outbreak/samples/": "OC",
    "GET /outbreak/samples/tubes/<tube_id>/": "OC",
    **{f"POST /outbreak/samples/tubes/<tube_id>/{step}/": "OC" for step in ("add", "remove", "seal", "void")},
    "POST /outbreak/samples/tubes/<tube_id>/result/": "O",
    "GET /outbreak/samples/points/": "OC",
    "POST /outbreak/samples/points/": "O",
    "GET /outbreak/samples/points/<point_id>/": "OC",
    **{f"POST /outbreak/samples/points/<point_id>/{step}/": "O" for step in ("change", "close")},
    "GET /outbreak/samples/appointments/": "O",
    "POST /outbreak/samples/appointments/": "O",
    "POST /outbreak/samples/appointments/<appointment_id>/cancel/": "OC",
    "GET /outbreak/samples/labels/": "O",
    "POST /outbreak/samples/labels/": "O",
    "GET /outbreak/samples/turnaround/": "OC",
    "GET /outbreak/samples/results/": "O",
    "POST /outbreak/samples/results/": "O",
    "GET /outbreak/samples/results/<results_id>/": ("O", "", ""),
    "GET /outbreak/samples/results/<results_id>/refused.csv": ("O", "", ""),
    "GET /outbreak/samples/due/": "OC",
    **{f"POST /outbreak/samples/due/<swab_id>/{step}/": "O" for step in ("confirm", "again")},
    "GET /commons/needs/": "SCL",
    "GET /commons/needs/add/": "C",
    "POST /commons/needs/add/": "C",
    "GET /commons/needs/<need_id>/": "SCL",
    "GET /commons/needs/<need_id>/photos/<need_photo>/<variant>/": "SCL",
    **{f"POST /commons/needs/<need_id>/{step}/": "C" for step in ("change", "close")},
    **{f"POST /commons/needs/pledges/<pledge_id>/{step}/": "C" for step in ("contact", "strike", "record")},
    "POST /commons/needs/deliveries/<delivery_id>/verify/": "C",
    "GET /commons/pairings/": "SCL",
    "GET /commons/pairings/add/": "C",
    "POST /commons/pairings/add/": "C",
    "POST /commons/pairings/<pairing_id>/end/": "C",
    "GET /needs/": ALL,
    "GET /needs/<open_need>/": (ALL, ALL, ALL),
    "POST /needs/<open_need>/": (ALL, ALL, ALL),
    "GET /needs/<open_need>/photos/<shown_photo>/<variant>/": (ALL, ALL, ALL),
    "GET /needs/mine/<pledge_secret>/": (ALL, ALL, ALL),
    **{f"POST /needs/mine/<pledge_secret>/{step}/": (ALL, ALL, ALL) for step in ("deliver", "withdraw")},
    "GET /commons/activities/": "SCL",
    "GET /commons/activities/add/": "C",
    "POST /commons/activities/add/": "C",
    "GET /commons/activities/<activity_id>/": "SCL",
    "GET /commons/activities/<activity_id>/change/": "C",
    "POST /commons/activities/<activity_id>/change/": "C",
    "POST /commons/activities/<activity_id>/cancel/": "C",
    "GET /commons/activities/photos/<sha256>/<variant>/": "SCL",
    "GET /commons/shifts/<shift_id>/": "SCL",
    **{f"POST /commons/shifts/<shift_id>/{step}/": "C" for step in ("look", "sign-up", "person", "change")},
    "GET /commons/shifts/<shift_id>/list/": "SCL",
    "GET /commons/shifts/<shift_id>/poster/": "C",
    "GET /commons/shifts/<shift_id>/hours/": "C",
    "POST /commons/shifts/<shift_id>/hours/": "C",
    "POST /commons/records/<record_id>/revoke/": "C",
    "GET /commons/records/<record_id>/certificate.pdf": "C",
    "GET /volunteer/": ALL,
    "GET /volunteer/feed.ics": ALL,
    "GET /volunteer/<open_activity_id>/": (ALL, ALL, ALL),
    "POST /volunteer/<open_activity_id>/": (ALL, ALL, ALL),
    "GET /volunteer/<open_activity_id>/shifts.ics": (ALL, ALL, ALL),
    "GET /volunteer/mine/<sign_up_secret>/": (ALL, ALL, ALL),
    "POST /volunteer/mine/<sign_up_secret>/withdraw/": (ALL, ALL, ALL),
    "GET /volunteer/mine/<sign_up_secret>/shift.ics": (ALL, ALL, ALL),
    "GET /volunteer/mine/<sign_up_secret>/certificate.pdf": (ALL, ALL, ALL),
    "GET /volunteer/here/<shift_token>/": (ALL, ALL, ALL),
    "POST /volunteer/here/<shift_token>/": (ALL, ALL, ALL),
    "GET /volunteer/certificates/<record_code>/": (ALL, ALL, ALL),
    "GET /commons/votes/": "SCL",
    "GET /commons/votes/<vote_id>/": "SCL",
    "GET /commons/votes/<vote_id>/ballot.pdf": "C",
    **{f"POST /commons/votes/<vote_id>/{step}/": "C" for step in ("close", "discard", "doors", "papers")},
    "GET /commons/votes/papers/<paper_id>/": "C",
    "POST /commons/votes/papers/<paper_id>/": "C",
    "POST /commons/votes/papers/<paper_id>/discard/": "C",
    "GET /commons/topics/<topic_id>/votes/add/": "C",
    "POST /commons/topics/<topic_id>/votes/add/": "C",
    "GET /commons/places/<place_id>/households/": "C",
    "POST /commons/places/<place_id>/households/": "C",
    "POST /commons/places/<place_id>/households/renew/": "C",
    "POST /commons/places/<place_id>/households/invitations.pdf": "C",
    **{f"POST /commons/households/<household_id>/{step}/": "C" for step in ("renew", "remove")},
    # Whoever has the invitation of a household, whoever they are.
    "GET /vote/<invitation>/": (ALL, ALL, ALL),
    "GET /vote/<invitation>/<asked>/": (ALL, ALL, ALL),
    "POST /vote/<invitation>/<asked>/": (ALL, ALL, ALL),
    "GET /commons/places/": "SCL",
    "GET /commons/places/add/": "C",
    "POST /commons/places/add/": "C",
    "GET /commons/places/<place_id>/": "SCL",
    "GET /commons/places/<place_id>/poster.pdf": "SCL",
    **{f"POST /commons/places/<place_id>/{step}/": "C" for step in ("change", "move")},
    "GET /commons/topics/": "SCL",
    "GET /commons/topics/add/": "C",
    "POST /commons/topics/add/": "C",
    "GET /commons/topics/<topic_id>/": "SCL",
    **{
        f"POST /commons/topics/<topic_id>/{step}/": "C"
        for step in ("change", "invite", "call-off", "problems", "decide", "close", "say")
    },
    "GET /commons/topics/<topic_id>/attendance/": "C",
    "POST /commons/topics/<topic_id>/attendance/": "C",
    "GET /commons/topics/<topic_id>/minutes/": "C",
    "POST /commons/topics/<topic_id>/minutes/": "C",
    "POST /commons/topics/<topic_id>/minutes/approve/": "SCL",
    "GET /commons/topics/<topic_id>/invitation.pdf": "SCL",
    "GET /commons/topics/<topic_id>/forms.pdf": "SCL",
    "GET /commons/topics/<topic_id>/comments/": "C",
    "POST /commons/topics/<topic_id>/comments/": "C",
    **{f"POST /commons/problems/<problem_id>/{step}/": "C" for step in ("answer", "entry", "drop")},
    **{f"POST /commons/comments/<comment_id>/{step}/": "C" for step in ("hide", "show")},
    "GET /commons/comments/template.csv": "C",
    # An import is its sender's own.
    "GET /commons/comments/imports/<comments_job>/": ("C", "", ""),
    "GET /commons/comments/imports/<comments_job>/refused.csv": ("C", "", ""),
    # What neighbours talk about is open to everybody; who has an invitation talks along.
    "GET /n/<place_token>/": (ALL, ALL, ALL),
    "GET /topics/<public_topic>/": (ALL, ALL, ALL),
    "GET /topics/<public_topic>/threads/<thread_id>/": (ALL, ALL, ALL),
    "GET /topics/<public_topic>/photos/<problem_photo>/<variant>/": (ALL, ALL, ALL),
    "GET /talk/<talk_secret>/": (ALL, ALL, ALL),
    "GET /talk/<talk_secret>/<talk_topic>/": (ALL, ALL, ALL),
    "POST /talk/<talk_secret>/<talk_topic>/": (ALL, ALL, ALL),
    "GET /places/jurisdictions": ALL,
    "GET /places/layers.json": ALL,
    "GET /places/layers/<name>.geojson": "",
    "GET /places/locate": ALL,
}
# What anybody may open who is not logged in.
PUBLIC = {
    "GET /",
    "GET /account/login/",
    "POST /account/login/",
    "POST /account/logout/",
    "GET /api/v1/bulletins/",
    "GET /api/v1/openapi.json",
    "GET /bulletins/",
    "GET /bulletins/feed/",
    "GET /bulletins/page-<digest>.css",
    "GET /bulletins/points/",
    "GET /bulletins/search/",
    "POST /i18n/setlang/",
    "GET /api/v1/outbreak/areas",
    "GET /api/v1/outbreak/areas/<area_id>",
    # Whoever was handed a certificate may ask whether it holds.
    "GET /certificate/<code>/",
    "GET /outbreak/areas/",
    "GET /outbreak/areas/<area_id>/",
    "GET /outbreak/areas/areas.geojson",
    "GET /outbreak/areas/feed/",
    "GET /n/<place_token>/",
    "GET /topics/<public_topic>/",
    "GET /topics/<public_topic>/threads/<thread_id>/",
    "GET /topics/<public_topic>/photos/<problem_photo>/<variant>/",
    "GET /talk/<talk_secret>/",
    "GET /talk/<talk_secret>/<talk_topic>/",
    "POST /talk/<talk_secret>/<talk_topic>/",
    "GET /care/<secret>/",
    "POST /care/<secret>/report/",
    "POST /care/<secret>/ask/",
    "GET /care/<secret>/mine/",
    "POST /care/<secret>/mine/whole/",
    "POST /care/<secret>/mine/correct/",
    "GET /needs/",
    "GET /needs/<open_need>/",
    "POST /needs/<open_need>/",
    "GET /needs/<open_need>/photos/<shown_photo>/<variant>/",
    "GET /needs/mine/<pledge_secret>/",
    "POST /needs/mine/<pledge_secret>/deliver/",
    "POST /needs/mine/<pledge_secret>/withdraw/",
    "GET /vote/<invitation>/",
    "GET /vote/<invitation>/<asked>/",
    "POST /vote/<invitation>/<asked>/",
    "GET /places/layers.json",
    "GET /volunteer/",
    "GET /volunteer/feed.ics",
    "GET /volunteer/<open_activity_id>/",
    "POST /volunteer/<open_activity_id>/",
    "GET /volunteer/<open_activity_id>/shifts.ics",
    "GET /volunteer/mine/<sign_up_secret>/",
    "POST /volunteer/mine/<sign_up_secret>/withdraw/",
    "GET /volunteer/mine/<sign_up_secret>/shift.ics",
    "GET /volunteer/mine/<sign_up_secret>/certificate.pdf",
    "GET /volunteer/here/<shift_token>/",
    "POST /volunteer/here/<shift_token>/",
    "GET /volunteer/certificates/<record_code>/",
    "GET /api/v1/patrol/exposed",
    "GET /patrol/exposed/",
    "GET /patrol/exposed.json",
    "GET /bulletins/<issue_id>/",
    "GET /bulletins/<issue_id>/<kind>-<language>/",
    "GET /bulletins/photos/<sha256>/<variant>/",
}
# What the API and the forms need, so that a refusal is not of the shape. The others are sent empty.
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/outbreak/areas/<declared_id>/split": {"version": 1, "source": "通告", "parts": []},
    "POST /api/v1/outbreak/areas": {"name": "区", "level": "中风险", "measure": "home", "starts": "2021-01-17"},
    "amend": {"statement": "另一处"},
    "merge": {"into": ABSENT["<entry_id>"]},
    "remedy": {"photos": []},
    "split": {"units": [HERE]},
    "PUT /api/v1/entries/<entry_id>": {"category": "06010", "lon": 116.8, "lat": 39.8, "found_at": "2021-01-18 12:00"},
    "PUT /api/v1/lookback/<round_id>": {"at": HERE, "size": 1},
    "PUT /api/v1/patrol/checklists/<checklist>": {"title": "安全"},
    "PUT /api/v1/patrol/checklists/<checklist>/<number>/choices/<list_name>": {"choices": []},
    "POST /api/v1/patrol/checklists/<checklist>/<number>/items/<item>/move": {"to": 1},
    "POST /api/v1/patrol/exposures/<exposure_id>/reply": {"stand": "accepts"},
    "PUT /api/v1/patrol/rounds/<campaign_id>": {
        "at": HERE,
        "title": "检查",
        "starts_on": "2021-02-27",
        "ends_on": "2021-02-27",
    },
    "POST /api/v1/patrol/brief/clean": {"from": "2021-01-10", "to": "2021-02-27"},
    "PUT /api/v1/venues/<venue_id>": {"name": "店", "venue_type": "shop", "jurisdiction": HERE},
    "POST /api/v1/venues/<venue_id>/contact": {"purpose": "visit"},
    "POST /ledger/lookback/": {"id": ABSENT["<round_id>"], "at": HERE, "due_on": "2021-02-27", "size": 1},
}
# By state the steps that can be taken from it.
OFFERED = {
    "found": "list merge void amend add_photo",
    "listed": "assign split merge void amend add_photo",
    "assigned": "assign remedy return ask_extension hold escalate split merge void amend add_photo",
    "asked": "assign remedy return grant_extension refuse_extension hold escalate split merge void amend add_photo",
    "held": "resume escalate merge void amend add_photo",
    "remedied": "close reject escalate merge void amend add_photo",
    "closed": "reopen stands recurred not_inspected",
    "void": "restore",
}
SHUT = {401, 403, 404, 405}
STEPWISE = ("<action>", "<step>", "<decision>")


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOW)
        with transaction.atomic():
            yield World(everywhere=True)
            transaction.set_rollback(True)


def paths_of(pattern: str) -> list[str]:
    """The address, once for each step that it may name."""
    if not any(part in pattern for part in STEPWISE):
        return [pattern]
    part = next(part for part in STEPWISE if part in pattern)
    return [pattern.replace(part, word) for word in WORDS[part]]


def gets_in(world: World, reader: str, key: str) -> bool:
    """Whether the answer is more than a refusal to let somebody in; a conflict or a wrong form is more."""
    method, _space, path = key.partition(" ")
    public = path.startswith("/bulletins/") and "/desk/" not in path
    address = next(filled(path, world.own.keys | (world.published if public else {})))
    body = BODIES.get(key) or BODIES.get(path.rstrip("/").rpartition("/")[2]) or {}
    if path.endswith("/add_photo"):
        body = {"photo": world.own.keys["<sha256>"]}
    if path == "/api/v1/patrol/visits/<visit_id>":
        when = "2021-02-26T12:00:00+08:00"
        body = {"venue": world.own.keys["<venue_id>"], "visited_at": when, "finished_at": when, "answers": []}
    if path == "/api/v1/patrol/exposures/<exposure_id>":
        body = {"visit": world.own.keys["<finished_id>"]}
    sent: dict[str, Any] = {"data": body} if body else {}
    if method == "GET":
        query, sent = GETS[path][0], {}
        address += query.format(mark="", number="", hidden="")
    elif path.startswith("/api/"):
        sent = {"data": json.dumps(body), "content_type": "application/json"}
    status, words = world.ask(reader, method.lower(), address, **sent)
    # A photo of an entry that is out of sight is as one that nobody has sent.
    return not (
        status in SHUT or (status == 302 and words.startswith("/account/login/")) or "photo_not_stored" in words
    )


def expected(key: str, place: str) -> str:
    row = ROWS[key]
    if isinstance(row, tuple):
        return row[("here", "above", "there").index(place)]
    return "" if place == "there" and "<" in key else row


def test_every_address_and_method_has_a_row() -> None:
    assert set(LETTERS.values()) == {str(role.value) for role in Role}
    assert {path for pattern in addresses() for path in paths_of(pattern)} == {key.partition(" ")[2] for key in ROWS}
    document = api.get_openapi_schema(path_prefix="/api/v1/")
    told = {
        f"{method.upper()} {path}".replace("{", "<").replace("}", ">")
        for path, operations in document["paths"].items()
        for method in operations
    }
    own = {"GET /api/v1/", "GET /api/v1/openapi.json"}
    assert told == {key for key in ROWS if " /api/" in key} - own


def test_every_step_has_a_row() -> None:
    assert set(STEPS) == {step.action for step in TRANSITIONS.values() if step.by_person}


@pytest.mark.parametrize("place", ["here", "above", "there"])
def test_who_gets_in_where(world: World, place: str) -> None:
    wrong = {}
    # Higher up an address without a key is the same question again.
    for key in ROWS if place != "above" else [key for key in ROWS if "<" in key]:
        found = "".join(letter for letter, role in LETTERS.items() if gets_in(world, f"{place}_{role}", key))
        if found != expected(key, place):
            wrong[key] = f"{found or 'nobody'}, not {expected(key, place) or 'nobody'}"
    assert not wrong


def test_what_is_open_to_anybody(world: World) -> None:
    assert {key for key in ROWS if gets_in(world, NOBODY, key)} == PUBLIC


def test_a_page_without_a_row_for_it_takes_nothing(world: World) -> None:
    for path in GETS:
        if f"POST {path}" not in ROWS and path != "/api/v1/openapi.json":
            for role in ("supervisor", "administrator"):
                assert not gets_in(world, f"here_{role}", f"POST {path}"), path


def test_a_role_for_the_other_kind_of_entries_gets_to_none_of_this_kind(world: World) -> None:
    with transaction.atomic():
        for person in world.readers.values():
            person.roles.update(kind="component")
        # A finding is put under an id of one's own; that it is taken is all that anybody learns of another's.
        keyed = [key for key in ROWS if "<entry_id>" in key and not key.startswith("PUT")]
        keyed.append("GET /ledger/photos/<sha256>/<variant>/")
        found = {key for key in keyed for role in ROLES if gets_in(world, f"here_{role}", key)}
        transaction.set_rollback(True)
    assert not found


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("state", ["found", "listed", "assigned", "asked", "held", "remedied", "closed", "void"])
def test_the_page_offers_the_steps_that_the_role_may_take(world: World, role: str, state: str) -> None:
    letter = next(letter for letter, name in LETTERS.items() if name == role)
    entry = Entry.objects.get(pk=world.own.states[state])
    _status, words = world.ask(f"here_{role}", "get", f"/ledger/{entry.pk}/")
    offered = {action for action in STEPS if f'action="/ledger/{entry.pk}/{action}/"' in words}
    assert offered == {action for action in OFFERED[state].split() if letter in STEPS[action]}
