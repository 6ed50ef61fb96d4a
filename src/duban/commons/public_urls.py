"""Pages of commons for anybody: each topic names its own addresses."""

from duban.commons.voting import public_pages as voting_public_pages

app_name = "neighbours"
urlpatterns = [
    *voting_public_pages.urls,
]
