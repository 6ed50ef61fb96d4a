"""Pages of patrol: each topic names its own addresses."""

from duban.patrol import (
    checklist_edit_pages,
    checklist_pages,
    exposure_pages,
    figures_pages,
    import_pages,
    round_pages,
    venue_page,
    visit_pages,
)

app_name = "patrol"
urlpatterns = [
    *checklist_pages.urls,
    *checklist_edit_pages.urls,
    *round_pages.urls,
    *exposure_pages.urls,
    *figures_pages.urls,
    *import_pages.urls,
    *visit_pages.urls,
    *venue_page.urls,
]
