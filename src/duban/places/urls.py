from django.urls import path

from duban.places import views

app_name = "places"
urlpatterns = [
    path("layers.json", views.layers, name="layers"),
    path("layers/<str:name>.geojson", views.layer, name="layer"),
    path("locate", views.locate, name="locate"),
    path("jurisdictions", views.jurisdictions, name="jurisdictions"),
]
