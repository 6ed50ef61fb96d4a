"""The people of an administrator's area: who they are, what they may, and the way back in for who is locked out."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import actions, rights
from duban.access.forms import PersonForm, RoleForm
from duban.access.lockout import locked_until
from duban.access.models import Person
from duban.access.queries import people_managed_by, person_managed_by, search_people
from duban.access.requests import StaffRequest
from duban.access.views import in_words, refuse
from duban.core import clock
from duban.core.errors import DubanError, NotAllowed
from duban.places.codes import covers

ROWS = 50


def _administers(request: StaffRequest) -> list[str]:
    codes = rights.codes(request.user, "people.manage")
    if not codes:
        raise NotAllowed("not_allowed", _("None of your roles opens this page."))
    return codes


@require_safe
@login_required
def people(request: StaffRequest) -> HttpResponse:
    """Everybody of the area, searched by name, with the roles that are held within it."""
    codes = _administers(request)
    text = request.GET.get("q", "")
    found = search_people(people_managed_by(request.user), text).prefetch_related("roles")
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    held = [[row for row in person.roles.all() if covers(codes, row.code)] for person in page]
    words = iter(in_words([(row.role, row.code, row.kind) for rows in held for row in rows]))
    rows = [(person, [next(words) for _row in roles]) for person, roles in zip(page, held, strict=True)]
    return render(request, "access/people.html", {"page": page, "rows": rows, "text": text})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def add(request: StaffRequest) -> HttpResponse:
    """A new person with a first role; the answer shows the one-time password, once."""
    codes = _administers(request)
    form = PersonForm(request.POST or None, initial={"at": codes[0]})
    if request.method == "POST" and form.is_valid():
        try:
            person, password = actions.add_colleague(by=request.user, now=clock.now(), **form.cleaned_data)
        except DubanError as refusal:
            refuse(form, refusal)
        else:
            return render(request, "access/one_time.html", {"person": person, "password": password})
    return render(request, "access/add_person.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def one(request: StaffRequest, person_id: int) -> HttpResponse:
    """A person of the area; a POST gives another role."""
    codes = _administers(request)
    person = person_managed_by(request.user, person_id)
    form = RoleForm(request.POST or None, initial={"at": codes[0]})
    if request.method == "POST" and form.is_valid():
        try:
            actions.give_role(by=request.user, now=clock.now(), person_id=person.pk, **form.cleaned_data)
        except DubanError as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, _("The role is given."))
            return redirect("access:person", person.pk)
    held = [row for row in person.roles.order_by("code", "role", "kind") if covers(codes, row.code)]
    words = in_words([(row.role, row.code, row.kind) for row in held])
    return render(
        request,
        "access/person.html",
        {
            "person": person,
            "form": form,
            "roles": list(zip(held, words, strict=True)),
            "locked_until": locked_until(person.username),
            "oneself": person == request.user,
        },
    )


@require_POST
@login_required
def take(request: StaffRequest, person_id: int, role_id: int) -> HttpResponse:
    actions.take_role(by=request.user, now=clock.now(), role_id=role_id)
    messages.success(request, _("The role is taken."))
    return _back(request, person_id)


@require_POST
@login_required
def close(request: StaffRequest, person_id: int) -> HttpResponse:
    actions.close_account(by=request.user, now=clock.now(), person_id=person_id)
    messages.success(request, _("The account is closed; it can be opened again here."))
    return _back(request, person_id)


@require_POST
@login_required
def open_again(request: StaffRequest, person_id: int) -> HttpResponse:
    actions.open_account(by=request.user, now=clock.now(), person_id=person_id)
    messages.success(request, _("The account is open again."))
    return _back(request, person_id)


@require_POST
@login_required
def unlock(request: StaffRequest, person_id: int) -> HttpResponse:
    actions.unlock_person(by=request.user, now=clock.now(), person_id=person_id)
    messages.success(request, _("The person may try again at once."))
    return _back(request, person_id)


@require_POST
@never_cache
@login_required
def reset(request: StaffRequest, person_id: int) -> HttpResponse:
    """The answer shows the one-time password, once."""
    password = actions.reset_password(
        by=request.user,
        now=clock.now(),
        person_id=person_id,
        second_factor_too=request.POST.get("second_factor_too") == "on",
    )
    return render(request, "access/one_time.html", {"person": Person.objects.get(pk=person_id), "password": password})


def _back(request: StaffRequest, person_id: int) -> HttpResponse:
    """To the person if still of the area, else to all, else to one's own page: one may have taken one's own role."""
    now = Person.objects.get(pk=request.user.pk)
    if people_managed_by(now).filter(pk=person_id).exists():
        return redirect("access:person", person_id)
    return redirect("access:people" if rights.codes(now, "people.manage") else "access:own")
