"""Addresses under the names by which allauth finds its own steps; no other of its pages is reachable."""

from django.urls import path

from duban.access import second_factor, views

urlpatterns = [
    path("login/", views.Login.as_view(), name="account_login"),
    path("again/", second_factor.Again.as_view(), name="account_reauthenticate"),
    path("code/", second_factor.Step.as_view(), name="mfa_authenticate"),
    path("code/again/", second_factor.AgainByCode.as_view(), name="mfa_reauthenticate"),
    path("second-factor/", second_factor.Overview.as_view(), name="mfa_index"),
    path("second-factor/set-up/", second_factor.SetUp.as_view(), name="mfa_activate_totp"),
    path("second-factor/remove/", second_factor.TakeAway.as_view(), name="mfa_deactivate_totp"),
    path("second-factor/codes/", second_factor.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("second-factor/codes/new/", second_factor.NewRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("sessions/", second_factor.sessions, name="usersessions_list"),
]
