"""API v1, patrol."""

from ninja import Router

from duban.patrol import exposure_api, figures_api

router = Router(tags=["patrol"])
router.add_router("", exposure_api.router)
router.add_router("", figures_api.router)
