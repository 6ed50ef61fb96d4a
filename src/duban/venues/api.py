"""API v1, venues."""

from ninja import Router

router = Router(tags=["venues"])
