"""What a map and a form ask of places: the layers as GeoJSON, and where a point is."""

import json

import shapely
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from duban.places import queries
from duban.places.locating import locate_one

# Coordinates on a screen: five decimals are about a metre.
SCREEN_GRID = 1e-5


@require_safe
def layers(request: HttpRequest) -> JsonResponse:
    """The layers in use, with an address of each that changes with its version."""
    found = [
        {
            "name": layer.name,
            "url": f"{reverse('places:layer', args=[layer.name])}?v={layer.version[:16]}",
            "as_of": layer.as_of.isoformat(),
            "schematic": layer.schematic,
            "source": layer.source,
        }
        for layer in queries.layers_in_use()
    ]
    return JsonResponse({"layers": found})


@require_safe
@gzip_page
def layer(request: HttpRequest, name: str) -> HttpResponse:
    """A layer as GeoJSON (WGS 84, to a metre) with the properties name and code; kept by browsers per version."""
    found = queries.layer_in_use(name)
    if found is None:
        raise Http404
    row, features = found
    tag = f'"{row.version[:16]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    shapes = shapely.to_geojson(shapely.set_precision(features.geometries, SCREEN_GRID, mode="pointwise"))
    properties = [
        json.dumps({"name": title, "code": code}, ensure_ascii=False)
        for title, code in zip(features.names, features.codes, strict=True)
    ]
    body = ",".join(
        f'{{"type":"Feature","properties":{about},"geometry":{shape}}}'
        for about, shape in zip(properties, shapes, strict=True)
    )
    response = HttpResponse(f'{{"type":"FeatureCollection","features":[{body}]}}', content_type="application/geo+json")
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@require_safe
@login_required
def locate(request: HttpRequest) -> JsonResponse:
    """The contract's locate JSON of ?lon=&lat=&datum=, and the unit proposed to answer for the place."""
    located = locate_one(
        request.GET.get("lon", ""), request.GET.get("lat", ""), request.GET.get("datum", "") or "wgs84"
    )
    code = (located["jurisdiction"] or {}).get("code", "")
    unit = queries.unit_for(code)
    responsible = {"code": unit, "name": queries.names([unit]).get(unit, unit)} if unit else None
    return JsonResponse({**located, "responsible": responsible})


@require_safe
@login_required
def jurisdictions(request: HttpRequest) -> JsonResponse:
    """For pickers: ?q= searches names, pinyin and codes; ?parent= lists what lies one level below."""
    text, parent = request.GET.get("q", ""), request.GET.get("parent")
    units = queries.search(text) if parent is None else list(queries.children(parent)[:500])
    return JsonResponse({"units": [{"code": unit.code, "name": unit.name, "kind": unit.kind} for unit in units]})
