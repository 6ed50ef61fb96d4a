"""Every address of the site; each app names its own under one prefix."""

from django.urls import include, path

from duban.config.api import api
from duban.outbreak.measures.release_pages import certificate
from duban.patrol.venue_page import sticker

handler404 = "duban.config.api.no_such_address"
urlpatterns = [
    path("", include("duban.web.urls")),
    path("account/", include("duban.access.urls")),
    path("account/", include("duban.access.second_factor_urls")),
    path("places/", include("duban.places.urls")),
    path("decisions/", include("duban.decisions.urls")),
    path("ledger/", include("duban.ledger.urls")),
    path("venues/", include("duban.venues.urls")),
    path("patrol/", include("duban.patrol.urls")),
    path("v/<str:token>", sticker, name="sticker"),
    path("outbreak/", include("duban.outbreak.urls")),
    path("certificate/<str:code>/", certificate, name="certificate"),
    path("care/", include("duban.outbreak.care.own_urls")),
    path("commons/", include("duban.commons.urls")),
    path("", include("duban.commons.public_urls")),
    path("bulletins/", include("duban.bulletin.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", api.urls),
]
