"""Values that no row can have: the request is at fault, not we."""

from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse

from .views import bad_request


class ImpossibleValuesMiddleware:
    """Answer 400 where the database refuses a value by its kind.

    Forms and views judge what they take. This is for what passes them by, such as a filter in
    the address of an admin list with a number beyond all integers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OverflowError | DataError):
            return bad_request(request, exception)
        return None
