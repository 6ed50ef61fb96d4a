"""Pages of commons for the office: each topic names its own addresses."""

from duban.commons.pairing import pages as pairing_pages
from duban.commons.register import pages as register_pages
from duban.commons.volunteering import pages as volunteering_pages
from duban.commons.volunteering import shift_pages
from duban.commons.voting import pages as voting_pages

app_name = "commons"
urlpatterns = [
    *volunteering_pages.urls,
    *shift_pages.urls,
    *register_pages.urls,
    *voting_pages.urls,
    *pairing_pages.urls,
]
