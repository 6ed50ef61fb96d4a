"""Pages of the register: each topic names its own addresses."""

from duban.venues import editing, exchange, stickers, type_pages, views

app_name = "venues"
urlpatterns = [*views.urls, *editing.urls, *exchange.urls, *stickers.urls, *type_pages.urls]
