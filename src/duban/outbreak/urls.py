"""Pages of outbreak: each topic names its own addresses."""

from duban.outbreak import area_pages, presence_pages, screening_pages, split_pages, trace_pages
from duban.outbreak.care import pages as care_pages
from duban.outbreak.sites import pages as site_pages
from duban.outbreak.desk import funnel_pages, report_pages, today_pages

app_name = "outbreak"
urlpatterns = [
    *area_pages.urls,
    *split_pages.urls,
    *screening_pages.urls,
    *presence_pages.urls,
    *trace_pages.urls,
    *site_pages.urls,
    *care_pages.urls,
    *today_pages.urls,
    *funnel_pages.urls,
    *report_pages.urls,
]
