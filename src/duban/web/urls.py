"""The public home and the staff desk."""

from django.urls import path

from duban.web import decision_pages, leader_pages, tour, views

app_name = "web"
urlpatterns = [
    path("", views.home, name="home"),
    path("desk/", views.desk, name="desk"),
    *decision_pages.urls,
    *leader_pages.urls,
    *tour.urls,
]
