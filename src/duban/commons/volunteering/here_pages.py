"""At the meeting point: the code on the poster, scanned with one's own phone; and afterwards the certificate."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from duban.commons.guests import count_try, kept_private, require_patience
from duban.commons.models import Shift, SignUp
from duban.commons.volunteering import actions, certificates, queries
from duban.commons.volunteering.public_pages import GUESSES, guessed, opened
from duban.commons.volunteering.remembering import own_sign_ups
from duban.commons.volunteering.words import clock_words, day_words
from duban.core import clock
from duban.core.errors import DubanError, NotFound


@require_http_methods(["GET", "HEAD", "POST"])
def here_page(request: HttpRequest, shift_token: str) -> HttpResponse:
    """Who signed up with this phone presses one button; anybody else types their number."""
    try:
        shift = queries.shift_of_token(shift_token)
    except NotFound:
        guessed(request)
        raise
    own = next(((one, secret) for one, secret in own_sign_ups(request) if one.shift_id == shift.pk), None)
    if request.method != "POST":
        return _here_page(request, shift, own)
    try:
        if "phone" not in request.POST and own is not None:
            actions.check_in(now=clock.now(), secret=own[1], token=shift_token)
            return kept_private(redirect(f"{reverse('neighbours:volunteer_mine', args=[own[1]])}?done=here"))
        require_patience(request, GUESSES)
        actions.check_in_by_phone(now=clock.now(), token=shift_token, phone=request.POST.get("phone", ""))
    except DubanError as refusal:
        if refusal.code == "not_on_the_list":
            count_try(request, GUESSES)
        return _here_page(request, shift, own, refusal)
    return kept_private(redirect(f"{request.path}?done=here"))


def _here_page(
    request: HttpRequest, shift: Shift, own: tuple[SignUp, str] | None, refusal: DubanError | None = None
) -> HttpResponse:
    context = {
        "shift": shift,
        "activity": shift.activity,
        "day": day_words(shift.begins_at),
        "clock": clock_words(shift),
        "own": own[0] if own else None,
        "secret": own[1] if own else "",
        "done": request.GET.get("done") == "here",
        "refusal": refusal,
        "phone": request.POST.get("phone", ""),
    }
    status = refusal.status if refusal else 200
    return kept_private(render(request, "neighbours/volunteer_here.html", context, status=status))


@require_safe
def own_certificate(request: HttpRequest, sign_up_secret: str) -> HttpResponse:
    """The certificate for whoever helped."""
    record = queries.record_of(opened(request, sign_up_secret))
    if record is None:
        raise NotFound("certificate_not_found", _("Nothing is certified yet; ask the organiser."))
    return kept_private(pdf_answer(certificates.certificate_pdf(record, get_language() or "zh-hans"), record.number))


def pdf_answer(pdf: bytes, number: str) -> HttpResponse:
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{number}.pdf"'
    return response


@require_safe
@never_cache
def certificate(request: HttpRequest, record_code: str) -> HttpResponse:
    """Whether a certificate stands, for whoever scanned it."""
    try:
        said = certificates.said_of(record_code)
    except NotFound:
        guessed(request)
        raise
    response = render(request, "neighbours/volunteer_certificate.html", {"said": said})
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


urls = [
    path("volunteer/here/<str:shift_token>/", here_page, name="volunteer_here"),
    path("volunteer/mine/<str:sign_up_secret>/certificate.pdf", own_certificate, name="volunteer_certificate_pdf"),
    path("volunteer/certificates/<str:record_code>/", certificate, name="volunteer_certificate"),
]
