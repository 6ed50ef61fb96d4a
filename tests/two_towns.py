"""A district with two towns, each furnished with one of everything; and what every address is opened with."""

import re
import uuid
from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import dumps
from django.db import transaction
from django.test import Client
from tests.commons.world import furnish as furnish_commons
from tests.decisions.furnishing import furnish as furnish_decisions
from tests.outbreak.world import furnish as furnish_outbreak
from tests.outbreak.world import spread
from tests.reading import text_of

from duban.access import actions as access
from duban.access.models import Person
from duban.bulletin import actions as bulletin
from duban.bulletin import blocks as page_blocks
from duban.bulletin.notice_tasks import read_job
from duban.bulletin.pictures import file_picture
from duban.commons.models import Activity
from duban.demo.builders import NOON, make_finding, make_person, make_photo, make_signature
from duban.evidence.models import Photo
from duban.ledger import actions, jobs, lookback
from duban.ledger.models import Entry, EntryPhoto
from duban.ledger.recording import record_finding
from duban.ledger.saved import save_filter
from duban.ledger.uploads import SALT
from duban.patrol import editing
from duban.patrol.checklists import lists_for
from duban.patrol.exposure import propose_exposure, record_reply
from duban.patrol.importing import import_inspections
from duban.patrol.models import CheckList, Item, Visit
from duban.patrol.queries import open_failures_of
from duban.patrol.rounds import plan_round
from duban.patrol.visiting import Closing, Said, VisitDraft, record_visit
from duban.venues.actions import record_venue
from duban.venues.contact import Contact
from duban.venues.exchange import keep_upload
from duban.venues.models import Venue

HERE, THERE, DISTRICT = "110112110", "110112106", "110112"
NOW = NOON + timedelta(days=40)
MARK = "ZQXVANISHED"
HIDDEN = uuid.UUID(int=0xDEC0DE)
ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()
NOBODY = "nobody"
READERS = (*ROLES, NOBODY)
CHIEF = "chief"
"""A supervisor of the whole district, to whom all of it shows."""
LISTS = ("", "?text={mark}", "?text={number}", "?overdue=1", "?lookback=due", "?asked=1", "?due=today", "?sort=due_at")
MAP = "?bbox=116.5,39.5,117,40.1&zoom="
DAYS = "?from=2021-01-10&to=2021-02-27"
FIGURE = "?figure=handled:n:2021-01-01:2021-02-01"

# What each address is opened with: a string for what follows it. <entry_id> and its like are put in from Things.
GETS: dict[str, tuple[str, ...]] = {
    "/": (f"?at={HERE}",),
    "/desk/": ("",),
    "/tour/": ("",),
    "/leader/": ("", "?screen=1"),
    "/leader/brief.<brief_form>": ("",),
    "/decisions/": ("", "?show=all", "?show=no_work", "?show=late&unit={mark}"),
    "/decisions/<decision_id>/": ("",),
    "/decisions/meetings/": ("",),
    "/decisions/meetings/bodies/<body_id>/": ("",),
    "/decisions/meetings/<meeting_id>/": ("",),
    "/decisions/meetings/<meeting_id>/papers/<meeting_paper_id>/": ("",),
    "/account/": ("",),
    "/account/login/": ("",),
    "/account/password/": ("",),
    "/account/mail/": ("",),
    "/account/stand-in/": ("",),
    "/account/tokens/": ("",),
    "/account/people/": ("", "?q=there"),
    "/account/people/add/": ("",),
    "/account/people/<person_id>/": ("",),
    "/account/again/": ("",),
    "/account/code/": ("",),
    "/account/code/again/": ("",),
    "/account/second-factor/": ("",),
    "/account/second-factor/set-up/": ("",),
    "/account/second-factor/remove/": ("",),
    "/account/second-factor/codes/": ("",),
    "/account/second-factor/codes/new/": ("",),
    "/account/sessions/": ("",),
    "/places/layers.json": ("",),
    "/places/layers/<name>.geojson": ("",),
    "/places/locate": ("?lon=116.8001&lat=39.8",),
    "/places/jurisdictions": ("?q=1101",),
    "/ledger/": (*LISTS, FIGURE),
    "/ledger/points.geojson": LISTS,
    "/ledger/clusters.geojson": (f"{MAP}9", f"{MAP}13", f"{MAP}18", f"{MAP}18&text={{mark}}"),
    "/ledger/export.csv": LISTS[:3],
    "/ledger/export.geojson": LISTS[:3],
    "/ledger/export.xlsx": LISTS[:3],
    "/ledger/export/<job_id>/": ("",),
    "/ledger/export/<job_id>/ledger.xlsx": ("",),
    "/ledger/triage/": ("", "?state=listed", "?at={hidden}", "?last={hidden}"),
    "/ledger/notices/": ("", "?all=1"),
    "/ledger/saved/": ("",),
    "/ledger/photos/<sha256>/<variant>/": ("",),
    "/ledger/figures/": ("", "?month=2021-01", "?month=2021-01&by=category"),
    "/ledger/figures/trend/": ("", "?month=2021-01"),
    "/ledger/figures/weights/": ("",),
    "/ledger/figures/evaluation.<form>": ("?month=2021-01",),
    "/ledger/lookback/": ("",),
    "/ledger/lookback/preview/": (f"?at={HERE}&due_on=2021-02-27&size=5",),
    "/ledger/lookback/<round_id>/": ("", "?standing=all"),
    "/ledger/lookback/<round_id>/redraw/": ("",),
    "/ledger/lookback/<round_id>/frame.csv": ("",),
    "/ledger/add/": ("",),
    "/ledger/add/photos/<word>/": ("",),
    "/ledger/add/place/": ("?lon=116.8001&lat=39.8&category=event:06010", "?lon=116.9001&lat=39.8"),
    "/ledger/import/": ("",),
    "/ledger/import/template.csv": ("",),
    "/ledger/import/template.xlsx": ("",),
    "/ledger/import/<job_id>/": ("",),
    "/ledger/import/<job_id>/refused.csv": ("",),
    "/ledger/<entry_id>/": ("",),
    "/ledger/<entry_id>/verify/": ("",),
    "/patrol/exposed/": ("",),
    "/patrol/exposed.json": ("",),
    "/patrol/exposures/": ("", "?state=all"),
    "/patrol/exposures/propose/<finished_id>/": ("",),
    "/patrol/exposures/<exposure_id>/": ("",),
    "/patrol/rounds/": ("",),
    "/patrol/rounds/preview/": (f"?at={HERE}", f"?at={THERE}&size=1"),
    "/patrol/rounds/mine/": ("", "?lon=116.8&lat=39.8"),
    "/patrol/rounds/<campaign_id>/": ("", "?show=all"),
    "/patrol/rounds/<campaign_id>/points.geojson": ("",),
    "/patrol/rounds/<campaign_id>/redraw/": ("",),
    "/patrol/rounds/<campaign_id>/frame.csv": ("",),
    "/patrol/figures/": ("", DAYS, f"{DAYS}&area={THERE}", f"{DAYS}&area=110112"),
    "/patrol/figures/rows/": tuple(f"{DAYS}&figure={one}" for one in ("visits", "venues", "failed_items", "left")),
    "/patrol/figures/trend/": (DAYS,),
    "/patrol/figures/inspections.<form>": (DAYS,),
    "/patrol/import/": ("",),
    "/patrol/import/template.<form>": ("",),
    "/patrol/import/<import_id>/": ("",),
    "/patrol/import/<import_id>/refused.csv": ("",),
    "/outbreak/": ("",),
    "/outbreak/declare/": ("",),
    "/outbreak/areas/": ("",),
    "/outbreak/areas/feed/": ("",),
    "/outbreak/areas/areas.geojson": ("",),
    "/outbreak/areas/<area_id>/": ("",),
    "/outbreak/areas/<declared_id>/change/": ("",),
    "/outbreak/areas/<declared_id>/split/": ("",),
    "/outbreak/screen/<preview_id>/": ("",),
    "/outbreak/runs/<screening_id>/": ("", f"?town={THERE}", f"?town={HERE}"),
    "/outbreak/found/<found_id>/": ("",),
    "/outbreak/rules/": ("",),
    "/outbreak/rules/add/": ("", "?key=contact"),
    "/outbreak/rules/<rule_job_id>/": ("",),
    "/outbreak/files/<file_id>/release/": ("",),
    "/outbreak/files/<released_id>/certificate.pdf": ("",),
    "/certificate/<code>/": ("",),
    "/outbreak/presences/": ("",),
    "/outbreak/presences/<list_id>/": ("",),
    "/outbreak/presences/<list_id>/refused.csv": ("",),
    "/outbreak/trace/": ("",),
    "/outbreak/trace/<trace_id>/": ("",),
    "/outbreak/trace/<trace_id>/contacts.parquet": ("",),
    "/outbreak/files/": ("", "?state=all", "?waiting=1", f"?town={THERE}"),
    "/outbreak/files/new/": ("",),
    "/outbreak/files/opening/<opening_id>/": ("",),
    "/outbreak/files/import/": ("",),
    "/outbreak/files/import/<handover_id>/": ("",),
    "/outbreak/files/import/<handover_id>/refused.csv": ("",),
    "/outbreak/files/<file_id>/": ("",),
    "/outbreak/files/<file_id>/expose/": ("",),
    "/outbreak/files/<file_id>/correct/": ("",),
    "/outbreak/sites/": ("",),
    "/outbreak/sites/add/": ("",),
    "/outbreak/sites/<site_id>/": ("",),
    "/outbreak/sites/<site_id>/round/": ("", "?slot=am", "?floor=2"),
    "/outbreak/sites/beds/<bed_id>/": ("",),
    "/outbreak/care/alerts/": ("", "?show=closed"),
    "/outbreak/care/requests/": ("", "?show=done", "?mine=1"),
    "/outbreak/care/<file_id>/": ("",),
    "/care/<secret>/": ("",),
    "/care/<secret>/mine/": ("",),
    "/outbreak/files/export/": ("",),
    "/outbreak/looks/": ("", "?odd=1", "?person=there_health_officer"),
    "/outbreak/corrections/": ("",),
    "/outbreak/corrections/<correction_id>/": ("",),
    "/outbreak/deletions/": ("",),
    "/outbreak/deletions/<deletion_id>/": ("",),
    "/outbreak/deletions/<deletion_id>/certificate.pdf": ("",),
    "/outbreak/today/": ("", "?kind=reach", f"?place={THERE}"),
    "/outbreak/funnel/": ("", "?now=1", f"?now=1&at={THERE}"),
    "/outbreak/funnel/rows/": ("?figure=came:screened", f"?figure=followed&at={THERE}"),
    "/outbreak/report/": ("", "?on=2021-02-25", f"?at={THERE}"),
    "/outbreak/report/following.<form>": ("",),
    "/outbreak/samples/": ("", "?show=waiting", "?show=late", "?on=2021-02-27"),
    "/outbreak/samples/tubes/<tube_id>/": ("",),
    "/outbreak/samples/points/": ("",),
    "/outbreak/samples/points/<point_id>/": ("", "?on=2021-02-27"),
    "/outbreak/samples/appointments/": ("",),
    "/outbreak/samples/labels/": ("",),
    "/outbreak/samples/turnaround/": ("", "?from=2021-02-01&to=2021-02-27"),
    "/outbreak/samples/results/": ("",),
    "/outbreak/samples/results/<results_id>/": ("",),
    "/outbreak/samples/results/<results_id>/refused.csv": ("",),
    "/outbreak/samples/due/": ("",),
    "/outbreak/sampling/": ("", "?show=missed", "?show=done", "?show=ahead", f"?town={THERE}"),
    "/outbreak/sampling/planner/": ("", "?prevalence=1&staff=20"),
    "/outbreak/sampling/in-force/": ("",),
    "/outbreak/sampling/<sampling_id>/": ("",),
    "/venues/": ("", "?text={mark}", f"?area={THERE}", "?kind=shop", "?closed=1"),
    "/venues/points.geojson": ("", "?text={mark}"),
    "/venues/clusters.geojson": (f"{MAP}9", f"{MAP}18"),
    "/venues/add/": ("",),
    "/venues/look-alikes/": ("?name={mark}&lon=116.8001&lat=39.8", f"?name={{mark}}&jurisdiction={THERE}"),
    "/venues/export.csv": ("",),
    "/venues/export.xlsx": ("",),
    "/venues/import/": ("",),
    "/venues/import/template.csv": ("",),
    "/venues/import/template.xlsx": ("",),
    "/venues/import/<upload_id>/": ("",),
    "/venues/import/<upload_id>/refused.csv": ("",),
    "/venues/stickers/": ("", "?text={mark}"),
    "/venues/stickers.pdf": ("",),
    "/venues/types/": ("",),
    "/venues/<venue_id>/edit/": ("",),
    "/venues/<venue_id>/contact/": ("",),
    "/venues/<venue_id>/sticker.svg": ("",),
    "/venues/<venue_id>/sticker.png": ("",),
    "/v/<token>": ("",),
    "/patrol/venues/<venue_id>/": ("",),
    "/patrol/visits/": ("", "?text={mark}", "?failed=1", f"?area={THERE}"),
    "/patrol/visits/start/<venue_id>/": ("",),
    "/patrol/visits/<visit_id>/": ("",),
    "/patrol/visits/<visit_id>/finish/": ("",),
    "/patrol/visits/<visit_id>/slip.pdf": ("",),
    "/patrol/visits/<visit_id>/signature.png": ("",),
    "/patrol/visits/<visit_id>/photos/<sha256>/<variant>/": ("",),
    "/patrol/failures/": ("", "?state=all", "?text={mark}", f"?area={THERE}"),
    "/patrol/notices/": ("",),
    "/patrol/lists/": ("",),
    "/patrol/lists/<checklist>/": ("",),
    "/patrol/lists/<checklist>/compare/": ("", "?old=1&new=2"),
    "/patrol/lists/<checklist>/<number>/": ("",),
    "/patrol/lists/<checklist>/<number>/form.xlsx": ("",),
    "/patrol/lists/<checklist>/<number>/preview/": ("", "?q.exits=fail"),
    "/patrol/lists/<checklist>/<number>/edit/": ("",),
    "/patrol/lists/<checklist>/<number>/items/": ("",),
    "/patrol/lists/<checklist>/<number>/items/<item>/": ("",),
    "/patrol/lists/<checklist>/<number>/choices/": ("",),
    "/patrol/lists/<checklist>/<number>/choices/<list_name>/": ("",),
    "/patrol/xlsform/": ("",),
    "/api/v1/organisations/": ("", "?text={mark}", f"?area={THERE}", "?sort=founded&size=2"),
    "/api/v1/organisations/<organisation_id>": ("",),
    "/api/v1/organisations/growth": ("", f"?area={THERE}"),
    "/api/v1/organisations/<organisation_id>/growth": ("",),
    "/commons/organisations/": ("", "?text={mark}", "?sort=-members", f"?area={THERE}", "?check=missing"),
    "/commons/organisations/export.xlsx": ("",),
    "/commons/organisations/hsds.json": ("",),
    "/commons/organisations/add/": ("",),
    "/commons/organisations/import/": ("",),
    "/commons/organisations/import/template.xlsx": ("",),
    "/commons/organisations/import/<sheet_id>/": ("",),
    "/commons/organisations/import/<sheet_id>/refused.csv": ("",),
    "/commons/organisations/<organisation_id>/": ("",),
    "/commons/organisations/<organisation_id>/edit/": ("",),
    "/commons/organisations/<organisation_id>/roster/": ("",),
    "/commons/organisations/<organisation_id>/certificate.pdf": ("",),
    "/commons/organisations/<organisation_id>/files/<document_id>/": ("",),
    "/commons/applications/": ("", "?state=filed"),
    "/commons/applications/<application_id>/": ("",),
    "/commons/applications/<application_id>/charter/": ("",),
    # Anybody may read the register; what is of another town appears in the whole of it.
    "/organisations/": (f"?area={HERE}", f"?area={HERE}&text={{mark}}"),
    "/organisations/hsds.json": (f"?area={HERE}",),
    "/organisations/apply/": ("",),
    "/organisations/applications/<application_secret>/": ("", "?mend=1"),
    "/organisations/certificates/<filing_token>/": ("",),
    "/organisations/<public_id>/": ("",),
    "/commons/places/": ("", f"?area={THERE}"),
    "/commons/places/add/": ("",),
    "/commons/places/<place_id>/": ("",),
    "/commons/places/<place_id>/poster.pdf": ("",),
    "/commons/topics/": ("", "?state=open", f"?area={THERE}"),
    "/commons/topics/add/": ("",),
    "/commons/topics/<topic_id>/": ("",),
    "/commons/topics/<topic_id>/attendance/": ("",),
    "/commons/topics/<topic_id>/minutes/": ("",),
    "/commons/topics/<topic_id>/invitation.pdf": ("",),
    "/commons/topics/<topic_id>/forms.pdf": ("",),
    "/commons/topics/<topic_id>/comments/": ("",),
    "/commons/comments/template.csv": ("",),
    "/commons/comments/imports/<comments_job>/": ("",),
    "/commons/comments/imports/<comments_job>/refused.csv": ("",),
    "/n/<place_token>/": ("",),
    "/n/<place_token>/calendar.ics": ("",),
    "/topics/<public_topic>/": ("",),
    "/topics/<public_topic>/threads/<thread_id>/": ("",),
    "/topics/<public_topic>/photos/<problem_photo>/<variant>/": ("",),
    "/talk/<talk_secret>/": ("",),
    "/talk/<talk_secret>/<talk_topic>/": ("",),
    "/commons/needs/": ("", "?show=closed"),
    "/commons/needs/add/": ("",),
    "/commons/needs/<need_id>/": ("",),
    "/commons/needs/<need_id>/poster.pdf": ("",),
    "/commons/needs/<need_id>/photos/<need_photo>/<variant>/": ("",),
    "/commons/pairings/": ("", "?show=over"),
    "/commons/pairings/add/": ("",),
    # What is needed is told to everybody; here it is asked of the readers' own town.
    "/needs/": (f"?at={HERE}",),
    "/needs/<open_need>/": ("",),
    "/needs/<open_need>/photos/<shown_photo>/<variant>/": ("",),
    "/needs/mine/<pledge_secret>/": ("",),
    "/commons/activities/": ("", "?show=hours", "?show=all"),
    "/commons/activities/add/": ("", "?entry={hidden}"),
    "/commons/activities/<activity_id>/": ("",),
    "/commons/activities/<activity_id>/change/": ("",),
    "/commons/activities/<activity_id>/poster/": ("",),
    "/commons/activities/photos/<sha256>/<variant>/": ("",),
    "/commons/shifts/<shift_id>/": ("",),
    "/commons/shifts/<shift_id>/list/": ("",),
    "/commons/shifts/<shift_id>/poster/": ("",),
    "/commons/shifts/<shift_id>/hours/": ("",),
    "/commons/records/<record_id>/certificate.pdf": ("",),
    "/volunteer/": ("", f"?at={THERE}"),
    "/volunteer/feed.ics": ("", f"?at={THERE}"),
    "/volunteer/<open_activity_id>/": ("",),
    "/volunteer/<open_activity_id>/shifts.ics": ("",),
    "/volunteer/<open_activity_id>/photos/<cleared_photo>/<variant>/": ("",),
    "/volunteer/mine/<sign_up_secret>/": ("",),
    "/volunteer/mine/<sign_up_secret>/shift.ics": ("",),
    "/volunteer/mine/<sign_up_secret>/certificate.pdf": ("",),
    "/volunteer/here/<shift_token>/": ("",),
    "/volunteer/certificates/<record_code>/": ("",),
    "/commons/votes/": ("", "?show=open", "?show=closed"),
    "/commons/votes/<vote_id>/": ("", "?recount=1"),
    "/commons/votes/<vote_id>/ballot.pdf": ("",),
    "/commons/votes/papers/<paper_id>/": ("",),
    "/commons/topics/<topic_id>/votes/add/": ("",),
    "/commons/places/<place_id>/households/": ("",),
    "/vote/<invitation>/": ("", "?all=1"),
    "/vote/<invitation>/<asked>/": ("",),
    "/bulletins/": ("",),
    "/bulletins/search/": ("?q=%E5%B9%B3%E5%B8%B8", "?q={mark}"),
    "/bulletins/feed/": ("",),
    "/bulletins/feed.json": ("",),
    "/bulletins/points/": ("",),
    "/bulletins/page-<digest>.css": ("",),
    "/bulletins/photos/<sha256>/<variant>/": ("",),
    "/bulletins/<issue_id>/": ("",),
    "/bulletins/<issue_id>/<kind>-<language>/": ("",),
    "/bulletins/notices/": ("",),
    "/bulletins/notices/<notice_id>/": ("",),
    "/bulletins/notices/<notice_id>/<draft>/": ("",),
    "/bulletins/desk/": ("",),
    "/bulletins/desk/<issue_id>/": ("",),
    "/bulletins/desk/<issue_id>/preview/": ("", "?as=newspaper"),
    "/bulletins/desk/<issue_id>/photos/<sha256>/": ("",),
    "/bulletins/desk/page/": ("?day=2021-01-20", "?day={mark}"),
    "/bulletins/desk/page/pictures/<picture_id>/": ("",),
    "/commons/growth/": ("", f"?area={HERE}", f"?area={THERE}"),
    "/commons/growth/slots/": ("", "?party=advises", f"?party=runs&area={THERE}"),
    "/commons/growth/brands/": ("", f"?area={THERE}"),
    "/commons/growth/<organisation_id>/": ("",),
    "/commons/growth/<organisation_id>/evidence/<proof>/<variant>/": ("",),
    "/commons/courses/": ("",),
    "/commons/courses/<course_id>/": ("",),
    "/commons/services/": ("", "?show=late", f"?area={THERE}"),
    "/commons/services/add/<organisation_id>/": ("",),
    "/commons/services/<service_id>/": ("",),
    "/commons/organisation-figures/places.json": ("", f"?area={THERE}&zoom=9"),
    "/commons/organisation-figures/": ("", f"?area={HERE}", f"?area={THERE}"),
    "/commons/organisation-figures/organisations.<form>": ("", f"?area={THERE}"),
    # Everybody reads the figures of everywhere; of one town they know nothing of another one.
    "/organisations/figures/": (f"?area={HERE}",),
    "/organisations/figures/places.json": (f"?area={HERE}&zoom=12",),
    "/api/v1/": ("",),
    "/api/v1/openapi.json": ("",),
    "/api/v1/places/locate": ("?lon=116.8001&lat=39.8",),
    "/api/v1/places/jurisdictions": ("?q=1101",),
    "/api/v1/entries/categories": ("",),
    "/api/v1/entries/": (*LISTS, FIGURE),
    "/api/v1/entries/export.csv": LISTS[:3],
    "/api/v1/entries/export.geojson": LISTS[:3],
    "/api/v1/entries/export.xlsx": LISTS[:3],
    "/api/v1/entries/<entry_id>": ("",),
    "/api/v1/figures": ("?month=2021-01", "?month=2021-01&by=category", "?month=2021-01&by=month"),
    "/api/v1/lookback": ("",),
    "/api/v1/lookback/<round_id>": ("",),
    "/api/v1/lookback/<round_id>/items": ("", "?standing=all"),
    "/api/v1/lookback/<round_id>/redraw": ("",),
    "/api/v1/outbreak/areas": ("",),
    "/api/v1/outbreak/areas/<area_id>": ("",),
    "/api/v1/outbreak/screenings": ("",),
    "/api/v1/outbreak/screenings/<screening_id>": ("",),
    "/api/v1/outbreak/screenings/<screening_id>/people": ("",),
    "/api/v1/patrol/exposed": ("",),
    "/api/v1/patrol/exposures/<exposure_id>": ("",),
    "/api/v1/patrol/rounds": ("",),
    "/api/v1/patrol/rounds/<campaign_id>": ("",),
    "/api/v1/patrol/rounds/<campaign_id>/venues": ("", "?drawn=false"),
    "/api/v1/patrol/rounds/<campaign_id>/redraw": ("",),
    "/api/v1/patrol/visits": ("", "?text={mark}", "?failed=1"),
    "/api/v1/patrol/visits/<visit_id>": ("",),
    "/api/v1/patrol/failures": ("", "?state=all"),
    "/api/v1/patrol/brief": ("", DAYS, f"{DAYS}&area={THERE}"),
    "/api/v1/patrol/brief/rows": tuple(f"{DAYS}&figure={one}" for one in ("visits", "problems", "due")),
    "/api/v1/venues/": ("", "?text={mark}", "?size=1"),
    "/api/v1/venues/types": ("",),
    "/api/v1/venues/points": (f"{MAP}9", f"{MAP}18"),
    "/api/v1/venues/<venue_id>": ("",),
    "/api/v1/patrol/checklists": ("", "?venue_type=salon"),
    "/api/v1/patrol/checklists/<checklist>": ("",),
    "/api/v1/patrol/checklists/<checklist>/<number>": ("",),
    "/api/v1/patrol/checklists/<checklist>/<number>/form.xlsx": ("",),
    "/api/v1/decisions/": ("", "?show=wanting", "?unit={mark}"),
    "/api/v1/decisions/<decision_id>": ("",),
    "/api/v1/bulletins/": ("",),
    "/api/v1/bulletins/drafts/": ("",),
    "/api/v1/bulletins/<issue_id>/": ("",),
    "/api/v1/bulletins/<issue_id>/blocks/": ("",),
    "/api/v1/bulletins/pictures/": ("?day=2021-01-20", f"?day=2021-01-20&at={THERE}"),
}
# Addresses that only take something; those with a key in them answer a hidden one as one that is not there.
POSTS = {
    "/leader/count/",
    "/tour/go/",
    *(f"/decisions/<decision_id>/{step}/" for step in ("link", "unlink", "close", "withdraw")),
    *(
        f"/decisions/meetings/<meeting_id>/{step}/"
        for step in ("change", "attendance", "minutes", "approve", "cancel", "decisions", "papers")
    ),
    "/account/logout/",
    "/account/stand-in/<delegation_id>/end/",
    "/account/tokens/<token_id>/revoke/",
    "/account/people/<person_id>/roles/<role_id>/take/",
    "/account/people/<person_id>/close/",
    "/account/people/<person_id>/open/",
    "/account/people/<person_id>/unlock/",
    "/account/people/<person_id>/reset/",
    "/ledger/bulk/",
    "/ledger/triage/<entry_id>/<decision>/",
    "/ledger/notices/read/",
    "/ledger/saved/<filter_id>/rename/",
    "/ledger/saved/<filter_id>/delete/",
    "/ledger/lookback/<round_id>/close/",
    "/ledger/add/photos/",
    "/ledger/import/edited/",
    "/ledger/import/<job_id>/take/",
    "/ledger/<entry_id>/<action>/",
    *(f"/patrol/exposures/<exposure_id>/{step}/" for step in ("reply", "approve", "refuse", "withdraw")),
    *(f"/api/v1/patrol/exposures/<exposure_id>/{step}" for step in ("reply", "approve", "refuse", "withdraw")),
    *(f"/patrol/rounds/<campaign_id>/{step}/" for step in ("assign", "close")),
    *(f"/api/v1/patrol/rounds/<campaign_id>/{step}" for step in ("assign", "close")),
    "/patrol/figures/clean/",
    *(f"/patrol/visits/<visit_id>/{step}/" for step in ("answers", "photos", "void")),
    "/api/v1/patrol/visits/<visit_id>/void",
    "/patrol/import/<import_id>/take/",
    "/venues/<venue_id>/close/",
    "/venues/<venue_id>/reopen/",
    "/venues/<venue_id>/sticker/",
    "/venues/import/<upload_id>/take/",
    "/venues/types/<type_key>/remove/",
    "/bulletins/desk/new/",
    "/bulletins/desk/<issue_id>/<step>/",
    "/bulletins/desk/<issue_id>/blocks/",
    "/bulletins/desk/page/pictures/",
    "/bulletins/desk/page/pictures/<picture_id>/withdraw/",
    "/api/v1/bulletins/<issue_id>/lay-out/",
    "/api/v1/bulletins/pictures/<picture_id>/withdraw/",
    "/patrol/lists/<checklist>/draft/",
    *(f"/patrol/lists/<checklist>/<number>/{step}/" for step in ("use", "discard")),
    *(f"/patrol/lists/<checklist>/<number>/items/<item>/{step}/" for step in ("move", "remove")),
    "/outbreak/areas/<declared_id>/lift/",
    "/api/v1/outbreak/areas/<declared_id>/split",
    "/outbreak/rules/<rule_job_id>/keep/",
    "/outbreak/screen/",
    "/outbreak/screen/<preview_id>/keep/",
    "/outbreak/runs/<screening_id>/hand/",
    "/outbreak/runs/<screening_id>/reproduce/",
    "/outbreak/runs/<screening_id>/list.csv",
    "/outbreak/files/import/<handover_id>/take/",
    *(f"/outbreak/files/<file_id>/{step}/" for step in ("change", "look", "trace")),
    *(f"/outbreak/sites/<site_id>/{step}/" for step in ("rooms", "place", "close")),
    *(f"/outbreak/sites/beds/<bed_id>/{step}/" for step in ("assign", "move", "leave", "use")),
    *(f"/outbreak/care/alerts/<alert_id>/{step}/" for step in ("take", "close")),
    *(f"/outbreak/care/requests/<request_id>/{step}/" for step in ("give", "done")),
    *(f"/outbreak/care/<file_id>/{step}/" for step in ("report", "ask", "link", "link/end")),
    *(f"/care/<secret>/{step}/" for step in ("report", "ask", "mine/whole", "mine/correct")),
    "/outbreak/looks/<look_id>/review/",
    "/outbreak/deletions/run/",
    *(f"/outbreak/today/{step}/" for step in ("done", "undo")),
    *(f"/outbreak/samples/tubes/<tube_id>/{step}/" for step in ("add", "remove", "seal", "void", "result")),
    *(f"/outbreak/samples/points/<point_id>/{step}/" for step in ("change", "close")),
    "/outbreak/samples/appointments/<appointment_id>/cancel/",
    "/outbreak/sampling/plan/",
    "/outbreak/sampling/<sampling_id>/surfaces/<sample_id>/",
    *(f"/outbreak/samples/due/<swab_id>/{step}/" for step in ("confirm", "again")),
    "/commons/organisations/<organisation_id>/change/",
    "/commons/organisations/import/<sheet_id>/take/",
    *(f"/commons/places/<place_id>/{step}/" for step in ("change", "move")),
    *(
        f"/commons/topics/<topic_id>/{step}/"
        for step in ("change", "invite", "call-off", "problems", "decide", "close", "say", "minutes/approve")
    ),
    *(f"/commons/problems/<problem_id>/{step}/" for step in ("answer", "entry", "drop")),
    *(f"/commons/comments/<comment_id>/{step}/" for step in ("hide", "show")),
    *(f"/commons/needs/<need_id>/{step}/" for step in ("change", "close")),
    *(f"/commons/needs/pledges/<pledge_id>/{step}/" for step in ("contact", "strike", "record")),
    "/commons/needs/deliveries/<delivery_id>/verify/",
    "/commons/pairings/<pairing_id>/end/",
    *(f"/needs/mine/<pledge_secret>/{step}/" for step in ("deliver", "withdraw")),
    "/commons/activities/<activity_id>/cancel/",
    *(f"/commons/shifts/<shift_id>/{step}/" for step in ("look", "sign-up", "person", "change", "cancel")),
    "/commons/records/<record_id>/revoke/",
    "/volunteer/mine/<sign_up_secret>/withdraw/",
    *(f"/commons/votes/<vote_id>/{step}/" for step in ("close", "discard", "doors", "papers")),
    "/commons/votes/papers/<paper_id>/discard/",
    "/commons/places/<place_id>/households/renew/",
    "/commons/places/<place_id>/households/invitations.pdf",
    *(f"/commons/households/<household_id>/{step}/" for step in ("renew", "remove")),
    "/i18n/setlang/",
    "/api/v1/evidence/<sha256>",
    "/api/v1/patrol/checklists/<checklist>/draft",
    "/api/v1/patrol/checklists/<checklist>/<number>/use",
    "/api/v1/patrol/checklists/<checklist>/<number>/items/<item>",
    "/api/v1/patrol/checklists/<checklist>/<number>/items/<item>/move",
    "/api/v1/patrol/checklists/<checklist>/<number>/choices/<list_name>",
    "/api/v1/entries/amendments",
    "/api/v1/lookback/<round_id>/close",
    "/api/v1/venues/<venue_id>/close",
    "/api/v1/venues/<venue_id>/reopen",
    "/api/v1/venues/<venue_id>/contact",
    *(f"/api/v1/organisations/<organisation_id>/{what}" for what in ("stage", "purpose", "brand", "party")),
    "/api/v1/patrol/brief/clean",
    "/api/v1/decisions/<decision_id>/link",
    "/api/v1/decisions/<decision_id>/unlink",
    *(f"/api/v1/entries/<entry_id>/{action}" for action in actions.VERBS),
    *(f"/api/v1/bulletins/<issue_id>/{step}/" for step in ("approve", "publish", "discard", "correct")),
}
WORDS = {
    # Check-lists are of the whole installation; this one has a draft.
    "<checklist>": ("safety",),
    "<number>": ("2",),
    "<item>": ("exits",),
    "<list_name>": ("towns",),
    "<name>": ("roads",),
    "<form>": ("xlsx", "pdf"),
    "<brief_form>": ("pdf", "docx"),
    "<variant>": ("public", "thumbnail", "original"),
    "<type_key>": ("shop",),
    "<digest>": ("abc",),
    "<kind>-<language>": ("json-zh", "html-en"),
    "<decision>": ("list", "void", "merge", "restore"),
    "<action>": tuple(actions.VERBS),
    "<step>": ("save", "approve", "publish", "discard", "correct", "refresh"),
}


@dataclass
class Things:
    """One of each kind, and the words that would betray them."""

    keys: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)
    """An entry in each state."""

    def hide(self, entry: Entry) -> None:
        self.secrets |= {entry.number, str(entry.pk)}
        for photo in Photo.objects.filter(pk__in=entry.photos.values("photo")):
            self.secrets |= {photo.pk, photo.public_sha256}


ABSENT = {
    "<course_id>": str(uuid.UUID(int=120)),
    "<service_id>": str(uuid.UUID(int=121)),
    "<proof>": "f" * 64,
    "<decision_id>": str(uuid.UUID(int=70)),
    "<body_id>": str(uuid.UUID(int=71)),
    "<meeting_id>": str(uuid.UUID(int=72)),
    "<meeting_paper_id>": "999996",
    "<entry_id>": str(uuid.UUID(int=1)),
    "<round_id>": str(uuid.UUID(int=2)),
    "<issue_id>": str(uuid.UUID(int=3)),
    "<picture_id>": str(uuid.UUID(int=76)),
    "<job_id>": str(uuid.UUID(int=5)),
    "<import_id>": str(uuid.UUID(int=7)),
    "<notice_id>": str(uuid.UUID(int=75)),
    "<draft>": "0",
    "<venue_id>": str(uuid.UUID(int=6)),
    "<visit_id>": str(uuid.UUID(int=10)),
    "<exposure_id>": str(uuid.UUID(int=7)),
    "<finished_id>": str(uuid.UUID(int=8)),
    "<campaign_id>": str(uuid.UUID(int=9)),
    "<upload_id>": str(uuid.UUID(int=7)),
    "<token>": "no-such-token",
    "<sha256>": "0" * 64,
    "<word>": "no-such-word",
    "<declared_id>": str(uuid.UUID(int=11)),
    "<preview_id>": str(uuid.UUID(int=12)),
    "<screening_id>": str(uuid.UUID(int=13)),
    "<found_id>": str(uuid.UUID(int=14)),
    "<list_id>": str(uuid.UUID(int=15)),
    "<trace_id>": str(uuid.UUID(int=16)),
    "<handover_id>": str(uuid.UUID(int=50)),
    "<opening_id>": str(uuid.UUID(int=51)),
    "<released_id>": str(uuid.UUID(int=60)),
    "<rule_job_id>": str(uuid.UUID(int=61)),
    "<site_id>": str(uuid.UUID(int=17)),
    "<request_id>": str(uuid.UUID(int=18)),
    "<file_id>": str(uuid.UUID(int=19)),
    "<bed_id>": "999999",
    "<alert_id>": "999999",
    "<point_id>": str(uuid.UUID(int=40)),
    "<tube_id>": str(uuid.UUID(int=41)),
    "<results_id>": str(uuid.UUID(int=42)),
    "<appointment_id>": "999999",
    "<swab_id>": "999999",
    "<look_id>": "999997",
    "<correction_id>": str(uuid.UUID(int=41)),
    "<deletion_id>": str(uuid.UUID(int=42)),
    "<problem_id>": "999999",
    "<comment_id>": str(uuid.UUID(int=73)),
    "<comments_job>": str(uuid.UUID(int=74)),
    "<organisation_id>": str(uuid.UUID(int=110)),
    "<application_id>": str(uuid.UUID(int=111)),
    "<sheet_id>": str(uuid.UUID(int=112)),
    "<document_id>": "99999998",
    "<place_id>": str(uuid.UUID(int=83)),
    "<topic_id>": str(uuid.UUID(int=84)),
    "<need_id>": str(uuid.UUID(int=85)),
    "<need_photo>": "1" * 64,
    "<pledge_id>": str(uuid.UUID(int=86)),
    "<delivery_id>": "999995",
    "<pairing_id>": str(uuid.UUID(int=87)),
    "<vote_id>": str(uuid.UUID(int=81)),
    "<paper_id>": str(uuid.UUID(int=82)),
    "<household_id>": "999996",
    "<person_id>": "999999",
    "<role_id>": "999998",
    "<filter_id>": "999999",
    "<token_id>": "999999",
    "<delegation_id>": "999999",
    "<activity_id>": str(uuid.UUID(int=70)),
    "<shift_id>": str(uuid.UUID(int=71)),
    "<record_id>": str(uuid.UUID(int=72)),
}


class World:
    """A district with two towns; the readers are of the one, and what is planted lies in the other."""

    def __init__(self, *, everywhere: bool = False) -> None:
        """`everywhere`: there are also people of the other town and of the district who look, as `there_inspector`."""
        self.seeds = iter(range(1, 10_000))
        self.chief = make_person("chief", "supervisor", DISTRICT)
        self.fixer = make_person("fixer", "handler", DISTRICT)
        self.readers = {role: make_person(f"here_{role}", role, HERE) for role in ROLES}
        self.others = {role: make_person(f"there_{role}", role, THERE) for role in ROLES}
        self.clients: dict[str, Any] = {NOBODY: Client(headers={"accept-language": "en"})}
        for role, person in self.readers.items():
            self.clients[role] = Client(headers={"accept-language": "en"})
            self.clients[role].force_login(person)
            access.change_own_mail(by=person, now=NOON, email=f"{role}@example.org", language="en")
        self.clients[CHIEF] = Client(headers={"accept-language": "en"})
        self.clients[CHIEF].force_login(self.chief)
        self.own, self.hidden = Things(), Things(secrets={MARK})
        safety = editing.start_draft(by=self.chief, now=NOON, checklist=CheckList.objects.get(key="safety"))
        towns = [{"name": "yongshun", "label": "永顺镇"}]
        editing.save_list(by=self.chief, now=NOON, version_id=safety.pk, list_name="towns", choices=towns)
        if everywhere:
            above = {role: make_person(f"above_{role}", role, DISTRICT) for role in ROLES}
            for person in (*self.readers.values(), *self.others.values(), *above.values()):
                self.clients[person.username] = Client(headers={"accept-language": "en"})
                self.clients[person.username].force_login(person)
        self.tied: dict[str, str] = {}
        spread({HERE: self.readers["health_officer"], THERE: self.others["health_officer"]})
        self.published = self.publish()
        self.furnish(self.own, self.readers, "平常")

    def entry(self, people: dict[str, Person], state: str, words: str, **changes: Any) -> Entry:
        """An entry of a town, brought to its state by the people of that town."""
        seed, supervisor, handler = next(self.seeds), people["supervisor"], people["handler"]
        facts = {
            "description": f"{words} 说明",
            "statement": f"{words} 位置",
            "photos": (make_photo(seed, by=supervisor),),
            "lon": 116.8001,
            "lat": 39.8,
        }
        finding = make_finding(seed, **facts | changes)
        entry = record_finding(by=supervisor, now=NOON, finding=finding).entry
        step: dict[str, Any] = {"now": NOON + timedelta(hours=1), "entry_id": entry.pk}
        if state == "void":
            return actions.void_entry(by=supervisor, reason=f"{words} 误报", **step)
        if state != "found":
            actions.list_entry(by=supervisor, **step)
        if state in {"assigned", "asked", "held", "remedied", "rework", "closed"}:
            actions.assign_entry(by=supervisor, unit=people["handler"].roles.get().code, **step)
        if state == "asked":
            until = NOON + timedelta(days=90)
            actions.ask_extension(by=handler, until=until, reason=f"{words} 等料", **step)
        if state == "held":
            actions.hold_entry(by=supervisor, reason=f"{words} 施工", **step)
        if state in {"remedied", "rework", "closed"}:
            actions.submit_remedy(by=handler, photos=[make_photo(seed + 5000, by=handler)], **step)
        if state == "rework":
            actions.reject_remedy(by=supervisor, reason=f"{words} 返工", **step)
        if state == "closed":
            actions.close_entry(by=supervisor, **step)
        return Entry.objects.get(pk=entry.pk)

    def furnish(self, things: Things, people: dict[str, Person], words: str) -> None:
        """An entry in every state, and one of all else that the town's people can have."""
        supervisor = people["supervisor"]
        for state in ("listed", "asked", "held", "remedied", "rework", "closed", "void"):
            entry = self.entry(people, state, words)
            things.states[state] = str(entry.pk)
            things.hide(entry)
        found = self.entry(people, "found", words, **({} if things is self.own else {"id": HIDDEN}))
        things.hide(found)
        assigned = self.entry(people, "assigned", words)
        things.states |= {"found": str(found.pk), "assigned": str(assigned.pk)}
        things.hide(assigned)
        at = supervisor.roles.get().code
        draft = bulletin.draft_issue(by=supervisor, now=NOW, at=at, title=f"{words} 简报")
        drawn = lookback.draw_round(by=supervisor, now=NOW, at=at, size=3, name=f"{words} 抽查", seed=words).round
        table = SimpleUploadedFile(f"{words}.csv", f"description\n{words}\n".encode())
        job = jobs.make_job(by=supervisor, now=NOW, language="en", table=table)
        report = SimpleUploadedFile(f"{words}.txt", f"检查发现，{words}超市员工未戴口罩。".encode())
        notice = read_job(jobs.make_job(by=supervisor, now=NOW, language="en", table=report, kind="notice").id).id
        visits, sent = self.inspect(supervisor, at, words)
        kept = save_filter(by=supervisor, now=NOW, name=f"{words} 筛", query="state=found")
        token, _secret = access.make_token(by=supervisor, now=NOW, name=words, scopes=["read"], days=300)
        lent = access.start_delegation(
            by=supervisor, now=NOW, taker=people["inspector"].username, start=NOW, end=NOW + timedelta(days=3)
        )
        access.end_delegation(by=supervisor, now=NOW, delegation_id=lent.pk)
        venue = record_venue(
            by=supervisor, now=NOW, name=f"{words} 面馆", kind="shop", jurisdiction=at, lon=116.8001, lat=39.8,
            address=f"{words} 街", contact=Contact(f"{words} 人", "13800001234"),
        )  # fmt: skip
        refused = SimpleUploadedFile(f"{words}.csv", f"name,venue_type\n{words},{words}\n".encode())
        upload = keep_upload(by=supervisor, now=NOW, table=refused)
        first, later = Visit.objects.filter(jurisdiction=at, venue__name=f"{words} 店").order_by("visited_at")
        exposed = propose_exposure(by=supervisor, now=NOW, visit_id=first.pk).exposure
        record_reply(by=supervisor, now=NOW, exposure_id=exposed.pk, stand="disputes", words=f"{words} 答复")
        campaign = plan_round(
            by=supervisor, now=NOW, at=at, title=f"{words} 检查", starts_on=NOW.date(), ends_on=NOW.date(), size=2
        ).round
        photo = assigned.photos.get().photo_id
        page_blocks.append(draft, "photo", {"photos": {photo: {"zh": f"{words} 图", "en": ""}}})
        picture = file_picture(
            by=supervisor, now=NOW, at=at, day=NOW.date(), photo=photo, caption_zh=f"{words} 图", byline=f"{words} 摄"
        )
        visit = self.visit(supervisor, venue, photo, words)
        things.secrets.add(str(visit.pk))
        things.hide(open_failures_of(venue).get().entry)
        things.keys = {
            "<entry_id>": str(assigned.pk),
            "<round_id>": str(drawn.pk),
            "<issue_id>": str(draft.pk),
            "<picture_id>": str(picture.pk),
            "<job_id>": job.id,
            "<import_id>": sent.id,
            "<notice_id>": notice,
            "<draft>": "0",
            "<venue_id>": str(venue.pk),
            "<visit_id>": str(visit.pk),
            "<exposure_id>": str(exposed.pk),
            "<finished_id>": str(later.pk),
            "<campaign_id>": str(campaign.pk),
            "<token>": venue.token,
            "<upload_id>": str(upload.id),
            "<sha256>": photo,
            "<word>": dumps([photo, supervisor.pk], salt=SALT),
            "<person_id>": str(supervisor.pk),
            "<role_id>": str(supervisor.roles.get().pk),
            "<filter_id>": str(kept.pk),
            "<token_id>": str(token.pk),
            "<delegation_id>": str(lent.pk),
        }
        for keys, secrets in (
            furnish_outbreak(people["health_officer"], at, words),
            furnish_commons(people["community_worker"], at, words, NOW),
            furnish_decisions(supervisor, at, words, NOW),
        ):
            things.keys |= keys
            things.secrets |= secrets
        Activity.objects.filter(pk=things.keys["<activity_id>"]).update(entries=[things.states["closed"]])
        cleared = EntryPhoto.objects.get(entry=things.states["closed"], moment="after")
        things.keys["<cleared_photo>"] = cleared.photo_id
        things.secrets |= {str(picture.pk), str(draft.pk), str(drawn.pk), job.id, notice, sent.id, *visits}
        things.secrets |= {str(venue.pk), venue.token, str(upload.id), str(exposed.pk), str(campaign.pk)}

    def inspect(self, by: Person, at: str, words: str) -> tuple[set[str], jobs.Job]:
        """Two visits at a venue of the town with what failed and recurred; their keys, and an import under way."""
        head = "venue,venue_type,jurisdiction,visited_at,item,result,note\n"
        table = head + "".join(f"{words} 店,shop,{at},2021-01-{day},masks,fail,{words} 说明\n" for day in (12, 20))
        import_inspections(by=by, now=NOW, data=table.encode(), name="a.csv")
        file = SimpleUploadedFile(f"{words} 检查.csv", table.encode())
        visits = Visit.objects.filter(jurisdiction=at, venue__name=f"{words} 店")
        keys = {str(key) for pair in visits.values_list("pk", "venue") for key in pair}
        return keys, jobs.make_job(by=by, now=NOW, language="en", table=file, kind="inspections")

    def visit(self, by: Person, venue: Venue, photo: str, words: str) -> Visit:
        """A finished visit of theirs with a photo of what failed, a note and a signature; the town is told."""
        version = lists_for(venue.kind_id)[0]
        keys = Item.objects.filter(version=version).values_list("key", flat=True)
        draft = VisitDraft(
            id=uuid.uuid4(), venue_id=venue.pk, version_id=version.pk, visited_at=NOW - timedelta(days=1),
            finished_at=NOW - timedelta(hours=23), photos={"temperature": (photo,)},
            said=tuple(Said(key, "fail" if key == "temperature" else "pass", f"{words} 记") for key in keys),
            closing=Closing(f"{words} 注", "owner", make_signature()),
        )  # fmt: skip
        return record_visit(by=by, now=NOW, draft=draft)[0]

    def publish(self) -> dict[str, str]:
        """A bulletin of the readers' own town, for anybody to read."""
        supervisor, approver = self.readers["supervisor"], self.readers["publisher"]
        entry = self.entry(self.readers, "listed", "平常 已刊")
        issue = bulletin.draft_issue(by=supervisor, now=NOW, at=HERE, name="简报", title="平常 已刊")
        step: dict[str, Any] = {"now": NOW, "issue_id": issue.pk}
        bulletin.edit_issue(by=supervisor, issuer="办公室", items={"rectified": [], "new": [entry.pk]}, **step)
        bulletin.approve_issue(by=approver, **step)
        return {
            "<issue_id>": str(bulletin.publish_issue(by=supervisor, **step).pk),
            "<sha256>": entry.photos.get().photo_id,
        }

    def plant(self) -> None:
        """All of the other town's, beside what is the readers' own."""
        self.furnish(self.hidden, self.others, MARK)

    def tie(self) -> None:
        """Entries in sight that are tied to hidden ones, and one that was the readers' duty for a while."""
        step: dict[str, Any] = {"now": NOON + timedelta(hours=2)}
        target = self.entry(self.others, "assigned", MARK)
        merged = self.entry(self.readers, "listed", "平常 并入")
        actions.merge_entry(by=self.chief, into=target.pk, entry_id=merged.pk, **step)
        twice = self.entry(self.readers, "listed", "平常 并入两次")
        actions.merge_entry(by=self.chief, into=target.pk, entry_id=twice.pk, **step)
        actions.unmerge_entry(by=self.chief, reason="不是一件", entry_id=twice.pk, **step)
        near = self.entry(self.readers, "listed", "平常 主件")
        actions.merge_entry(by=self.chief, into=near.pk, entry_id=twice.pk, **step)
        joined = self.entry(self.others, "listed", MARK)
        actions.merge_entry(by=self.chief, into=near.pk, entry_id=joined.pk, **step)
        # The parts have the words of the whole: they are no secret, its number and key are.
        whole = self.entry(self.others, "listed", "平常 拆分")
        _whole, parts = actions.split_entry(by=self.chief, units=[HERE, THERE], entry_id=whole.pk, **step)
        ours, theirs = sorted(parts, key=lambda part: part.responsible != HERE)
        moved = self.entry(self.others, "listed", MARK)
        actions.assign_entry(by=self.chief, unit=HERE, entry_id=moved.pk, **step)
        actions.escalate_entry(by=self.chief, reason=f"{MARK} 催办", entry_id=moved.pk, **step)
        actions.assign_entry(by=self.chief, unit=THERE, entry_id=moved.pk, **step)
        self.hidden.secrets |= {whole.number, str(whole.pk), theirs.number, str(theirs.pk)}
        for entry in (target, joined, moved):
            self.hidden.hide(entry)
        for name, entry in {"merged": merged, "twice": twice, "near": near, "part": ours}.items():
            self.tied[name] = str(entry.pk)

    def ask(self, reader: str, method: str, address: str, **sent: Any) -> tuple[int, str]:
        """Status and words of the answer; whatever it changed is taken back."""
        client = self.clients[reader]
        cookies = deepcopy(client.cookies)
        with transaction.atomic():
            answer = getattr(client, method)(address, **sent)
            words = text_of(answer)
            transaction.set_rollback(True)
        client.cookies = cookies
        return answer.status_code, words

    def answer_of(self, reader: str, pattern: str, address: str, keys: dict[str, str]) -> str:
        """Status and words, with the keys that were asked for taken out."""
        method, sent = ("get", {}) if pattern in GETS else ("post", {})
        if method == "post" and pattern.startswith("/api/"):
            sent = {"data": "{}", "content_type": "application/json"}
        status, words = self.ask(reader, method, address, **sent)
        for part, key in keys.items():
            if part in pattern:
                # Keys that count may be the same number: a person's and a role's are both taken out as a key.
                if part.endswith("_id>") and key.isdecimal():
                    words = re.sub(rf"/{key}\b", "/<key>", words)
                else:
                    words = words.replace(key, part).replace(quote(key), part)
        return f"{status}\n{words}"

    def look(
        self, reader: str, *, plain: bool = False, shut: Collection[str] = frozenset()
    ) -> dict[str, tuple[int, str]]:
        """What every address answers but the `shut` ones; `plain`: only those that are not asked for what is hidden."""
        seen = {}
        said = {"mark": MARK, "number": "110112-2021-0000", "hidden": str(HIDDEN)}
        for pattern, queries in GETS.items():
            for keys in (self.own.keys, self.own.keys | self.published):
                for address in filled(pattern, keys):
                    for query in queries:
                        one = address + query
                        if one not in seen and one not in shut and not (plain and "{" in query):
                            seen[one] = self.ask(reader, "get", address + query.format(**said))
        return seen


def filled(pattern: str, keys: dict[str, str]) -> Iterator[str]:
    """The address with a key for each of its parts, once for each word that it knows."""
    for part, key in keys.items():
        pattern = pattern.replace(part, key)
    for part, words in WORDS.items():
        if part in pattern:
            for word in words:
                yield from filled(pattern.replace(part, word), {})
            return
    yield pattern
