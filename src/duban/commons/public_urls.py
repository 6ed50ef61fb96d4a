"""Pages of commons for anybody: each topic names its own addresses."""

from duban.commons.deliberation import public_pages as deliberation_public_pages
from duban.commons.growth import figures_pages
from duban.commons.pairing import public_pages as pairing_public_pages
from duban.commons.register import public_pages as register_public_pages
from duban.commons.volunteering import calendar_pages, here_pages
from duban.commons.volunteering import public_pages as volunteering_public_pages
from duban.commons.voting import public_pages as voting_public_pages

app_name = "neighbours"
urlpatterns = [
    *figures_pages.public_urls,
    *deliberation_public_pages.urls,
    *volunteering_public_pages.urls,
    *calendar_pages.urls,
    *here_pages.urls,
    *voting_public_pages.urls,
    *pairing_public_pages.urls,
    *register_public_pages.urls,
]
