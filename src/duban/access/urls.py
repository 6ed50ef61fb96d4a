"""Login, logout, one's own page and password."""

from django.urls import path

from duban.access import views

app_name = "access"
urlpatterns = [
    path("", views.own, name="own"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", views.Logout.as_view(), name="logout"),
    path("password/", views.change_password, name="change_password"),
]
