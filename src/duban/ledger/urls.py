"""Addresses of the ledger, under /ledger/."""

from django.urls import path, register_converter

from duban.ledger import (
    adding,
    bulk,
    entry_page,
    export_pages,
    figures_pages,
    importing,
    lookback_pages,
    map_points,
    notices_pages,
    saved_pages,
    triage,
    views,
)


class HashConverter:
    regex = "[0-9a-f]{64}"

    @staticmethod
    def to_python(value: str) -> str:
        return value

    @staticmethod
    def to_url(value: str) -> str:
        return value


register_converter(HashConverter, "sha256")

app_name = "ledger"
urlpatterns = [
    path("", views.entry_list, name="list"),
    path("points.geojson", map_points.entry_points, name="geojson"),
    path("clusters.geojson", map_points.clusters, name="clusters"),
    path("export.csv", export_pages.export_csv, name="export"),
    path("export.geojson", export_pages.export_geojson, name="export_geojson"),
    path("export.xlsx", export_pages.export_xlsx, name="export_xlsx"),
    path("export/<uuid:job_id>/", export_pages.export_job, name="export_job"),
    path("export/<uuid:job_id>/ledger.xlsx", export_pages.export_file, name="export_file"),
    path("bulk/", bulk.bulk, name="bulk"),
    path("triage/", triage.triage, name="triage"),
    path("triage/<uuid:entry_id>/<str:decision>/", triage.decide, name="triage_decide"),
    path("notices/", notices_pages.notices, name="notices"),
    path("notices/read/", notices_pages.read, name="notices_read"),
    path("saved/", saved_pages.saved, name="saved"),
    path("saved/<int:filter_id>/rename/", saved_pages.rename_saved, name="saved_rename"),
    path("saved/<int:filter_id>/delete/", saved_pages.delete_saved, name="saved_delete"),
    path("photos/<sha256:sha256>/<str:variant>/", views.photo, name="photo"),
    path("figures/", figures_pages.figures_page, name="figures"),
    path("figures/trend/", figures_pages.trend, name="figures_trend"),
    path("figures/weights/", figures_pages.weights_page, name="weights"),
    path("figures/evaluation.<str:form>", figures_pages.evaluation_file, name="evaluation"),
    path("lookback/", lookback_pages.rounds, name="lookback"),
    path("lookback/preview/", lookback_pages.preview, name="lookback_preview"),
    path("lookback/<uuid:round_id>/", lookback_pages.round_page, name="lookback_round"),
    path("lookback/<uuid:round_id>/redraw/", lookback_pages.redraw, name="lookback_redraw"),
    path("lookback/<uuid:round_id>/close/", lookback_pages.close, name="lookback_close"),
    path("lookback/<uuid:round_id>/frame.csv", lookback_pages.frame_file, name="lookback_frame"),
    path("add/", adding.add, name="add"),
    path("add/photos/", adding.upload, name="upload"),
    path("add/photos/<str:word>/", adding.kept_thumbnail, name="kept"),
    path("add/place/", adding.propose, name="propose"),
    path("import/", importing.start, name="import"),
    path("import/edited/", importing.start_edited, name="import_edited"),
    path("import/template.csv", importing.csv_template, name="import_csv_template"),
    path("import/template.xlsx", importing.xlsx_template, name="import_xlsx_template"),
    path("import/<uuid:job_id>/", importing.job_page, name="import_job"),
    path("import/<uuid:job_id>/take/", importing.take, name="import_take"),
    path("import/<uuid:job_id>/refused.csv", importing.refused, name="import_refused"),
    path("<uuid:entry_id>/", entry_page.entry_page, name="entry"),
    path("<uuid:entry_id>/verify/", entry_page.verify, name="verify"),
    path("<uuid:entry_id>/<str:action>/", entry_page.take_step, name="step"),
]
