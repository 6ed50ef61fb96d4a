"""The public home and the staff desk."""

from django.urls import path

from duban.web import views

app_name = "web"
urlpatterns = [
    path("", views.home, name="home"),
    path("desk/", views.desk, name="desk"),
]
