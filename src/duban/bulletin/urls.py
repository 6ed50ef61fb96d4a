"""Bulletins: what anybody may read first, then the desk of those who make them."""

from django.urls import path

from duban.bulletin import feeds, notice_pages, public, views

app_name = "bulletin"
urlpatterns = [
    path("", public.issue_list, name="public_list"),
    path("search/", public.search, name="search"),
    path("feed/", feeds.atom, name="feed"),
    path("feed.json", feeds.json_feed, name="feed_json"),
    path("points/", public.points, name="points"),
    path("page-<str:digest>.css", public.page_style, name="stylesheet"),
    path("photos/<str:sha256>/<str:variant>/", public.photo, name="photo"),
    path("<uuid:issue_id>/", public.issue, name="public_issue"),
    path("<uuid:issue_id>/<str:kind>-<str:language>/", public.download, name="download"),
    *notice_pages.urls,
    path("desk/", views.desk, name="desk"),
    path("desk/new/", views.new, name="new"),
    path("desk/page/", views.page_of_day, name="page_of_day"),
    path("desk/page/pictures/", views.file_picture, name="file_picture"),
    path("desk/page/pictures/<uuid:picture_id>/", views.page_photo, name="page_photo"),
    path("desk/page/pictures/<uuid:picture_id>/withdraw/", views.withdraw_picture, name="withdraw_picture"),
    path("desk/<uuid:issue_id>/", views.draft, name="draft"),
    path("desk/<uuid:issue_id>/preview/", views.preview, name="preview"),
    path("desk/<uuid:issue_id>/photos/<str:sha256>/", views.draft_photo, name="draft_photo"),
    path("desk/<uuid:issue_id>/blocks/", views.add_block, name="add_block"),
    path("desk/<uuid:issue_id>/<str:step>/", views.take_step, name="step"),
]
