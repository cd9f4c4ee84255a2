"""Values that no row can have: the request is at fault, not we."""

import logging
from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse

from .views import bad_request

logger = logging.getLogger(__name__)


class ImpossibleValuesMiddleware:
    """Answer 400 where the database refuses a value by its kind.

    Forms and views judge what they take. This is for what passes them by in an address, such as a
    filter of an admin list with a number beyond all integers. What is posted is never lost here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.method not in {"GET", "HEAD"}:
            return None
        if not isinstance(exception, OverflowError | DataError):
            return None
        logger.warning("No row can have such a value: %s", type(exception).__name__)
        return bad_request(request, exception)
