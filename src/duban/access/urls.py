"""Login, logout, one's own page, password, stand-ins and tokens; the people of an area."""

from django.urls import path

from duban.access import people, views

app_name = "access"
urlpatterns = [
    path("", views.own, name="own"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", views.Logout.as_view(), name="logout"),
    path("password/", views.change_password, name="change_password"),
    path("mail/", views.own_mail, name="own_mail"),
    path("stand-in/", views.lend, name="lend"),
    path("stand-in/<int:delegation_id>/end/", views.end_lending, name="end_lending"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", views.end_token, name="end_token"),
    path("people/", people.people, name="people"),
    path("people/add/", people.add, name="add_person"),
    path("people/<int:person_id>/", people.one, name="person"),
    path("people/<int:person_id>/roles/<int:role_id>/take/", people.take, name="take_role"),
    path("people/<int:person_id>/close/", people.close, name="close_account"),
    path("people/<int:person_id>/open/", people.open_again, name="open_account"),
    path("people/<int:person_id>/unlock/", people.unlock, name="unlock_person"),
    path("people/<int:person_id>/reset/", people.reset, name="reset_password"),
]
