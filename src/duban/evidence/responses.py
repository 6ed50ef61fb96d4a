"""Handing a photo to a browser; whether the person may see it is decided by the app whose page shows it."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified

from duban.evidence import files
from duban.evidence.models import Photo


def photo_response(
    request: HttpRequest, sha256: str, variant: str, *, shared: bool = False
) -> HttpResponse | FileResponse:
    """The file `variant` (original, public, thumbnail); its bytes never change, so browsers may keep it.

    `shared` lets proxies keep it too: only for what anybody may see. Raises Http404 where there is none.
    """
    photo = Photo.objects.filter(pk=sha256).only("media_type").first()
    path = files.PATHS[variant](sha256) if variant in files.PATHS else None
    if photo is None or path is None or not path.is_file():
        raise Http404
    tag = f'"{sha256}-{variant}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    media_type = photo.media_type if variant == "original" else "image/jpeg"
    response = FileResponse(path.open("rb"), content_type=media_type)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = f"{'public' if shared else 'private'}, max-age=31536000, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    ending = {"image/jpeg": "jpg", "image/png": "png", "image/heic": "heic"}[media_type]
    response.headers["Content-Disposition"] = f'inline; filename="{sha256[:12]}.{ending}"'
    return response
