"""Pages of outbreak: each topic names its own addresses."""

from duban.outbreak import area_pages, presence_pages, screening_pages, split_pages, trace_pages
from duban.outbreak.care import pages as care_pages
from duban.outbreak.casefiles import pages as casefile_pages
from duban.outbreak.desk import funnel_pages, report_pages, today_pages
from duban.outbreak.measures import release_pages, rule_pages
from duban.outbreak.protection import correction_pages, deletion_pages, export_pages, look_pages
from duban.outbreak.samples import pages as sample_pages
from duban.outbreak.samples import point_pages, result_pages
from duban.outbreak.sites import pages as site_pages
from duban.outbreak.venue_sampling import pages as venue_sampling_pages
from duban.outbreak.venue_sampling import planner_pages

app_name = "outbreak"
urlpatterns = [
    *area_pages.urls,
    *split_pages.urls,
    *screening_pages.urls,
    *presence_pages.urls,
    *trace_pages.urls,
    *export_pages.urls,
    *casefile_pages.urls,
    *site_pages.urls,
    *care_pages.urls,
    *today_pages.urls,
    *funnel_pages.urls,
    *report_pages.urls,
    *rule_pages.urls,
    *release_pages.urls,
    *look_pages.urls,
    *correction_pages.urls,
    *deletion_pages.urls,
    *sample_pages.urls,
    *point_pages.urls,
    *result_pages.urls,
    *planner_pages.urls,
    *venue_sampling_pages.urls,
]
