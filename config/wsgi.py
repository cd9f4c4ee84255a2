"""What the application server loads."""

import os
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application: Any = get_wsgi_application()

if not settings.DEBUG:  # whoever works on a template wants to see it at once
    from pagecache.wsgi import PageCache

    application = PageCache(application)
