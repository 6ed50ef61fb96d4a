"""Bodies and meetings; the decisions themselves, which show the work of other apps, are pages of `web`."""

from duban.decisions import pages

app_name = "decisions"
urlpatterns = [*pages.urls]
