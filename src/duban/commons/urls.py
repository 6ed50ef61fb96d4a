"""Pages of commons for the office: each topic names its own addresses."""

from duban.commons.register import pages as register_pages
from duban.commons.voting import pages as voting_pages

app_name = "commons"
urlpatterns = [
    *register_pages.urls,
    *voting_pages.urls,
]
