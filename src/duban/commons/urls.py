"""Pages of commons for the office: each topic names its own addresses."""

from duban.commons.deliberation import import_pages as comment_import_pages
from duban.commons.deliberation import meeting_pages, place_pages, topic_pages
from duban.commons.growth import pages as growth_pages
from duban.commons.pairing import pages as pairing_pages
from duban.commons.register import application_pages, exchange, import_pages, organisation_pages, roster_pages
from duban.commons.register import pages as register_pages
from duban.commons.volunteering import pages as volunteering_pages
from duban.commons.volunteering import shift_pages
from duban.commons.voting import pages as voting_pages

app_name = "commons"
urlpatterns = [
    *place_pages.urls,
    *topic_pages.urls,
    *meeting_pages.urls,
    *comment_import_pages.urls,
    *volunteering_pages.urls,
    *shift_pages.urls,
    *register_pages.urls,
    *growth_pages.urls,
    *exchange.urls,
    *import_pages.urls,
    *organisation_pages.urls,
    *roster_pages.urls,
    *application_pages.urls,
    *voting_pages.urls,
    *pairing_pages.urls,
]
