from duban.venues import views

app_name = "venues"
urlpatterns = [*views.urls]
