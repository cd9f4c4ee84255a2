"""What nothing costs: a Django view that says the same each time, with no middleware around it.

BARE_BODY names a file with what it says.
"""

import os
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="unused")
BODY = Path(os.environ["BARE_BODY"]).read_bytes()


def the_same(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, headers={"Content-Length": str(len(BODY))})


urlpatterns = [re_path("", the_same)]
application = get_wsgi_application()
