"""API v1, patrol."""

from ninja import Router

router = Router(tags=["patrol"])
