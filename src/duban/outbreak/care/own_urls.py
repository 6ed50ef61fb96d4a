"""What a person's own link opens, at /care/<secret>/: each topic names its own addresses."""

from duban.outbreak.care import own_pages
from duban.outbreak.protection import mine_pages

app_name = "care"
urlpatterns = [*own_pages.urls, *mine_pages.urls]
