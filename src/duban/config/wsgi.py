import os

from django.core.wsgi import get_wsgi_application

from duban.config.spread import spread

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "duban.config.settings")
application = spread(get_wsgi_application())

from duban.ledger.sealing import seal_in_background  # noqa: E402

seal_in_background()
