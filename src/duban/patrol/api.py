"""API v1, patrol."""

from ninja import Router

from duban.patrol import checklists_api, exposure_api, figures_api, round_api, visits_api

router = Router(tags=["patrol"])
router.add_router("", exposure_api.router)
router.add_router("", figures_api.router)
router.add_router("", round_api.router)
router.add_router("", visits_api.router)
router.add_router("", checklists_api.router)
