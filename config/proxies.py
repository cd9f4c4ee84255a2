"""Whose request it is when a proxy stands in front of us."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class VisitorAddressMiddleware:
    """Make REMOTE_ADDR the visitor's own address.

    X-Forwarded-For is believed only as far as it was written by the proxies of TRUSTED_PROXIES:
    read from the right, the first address that is not one of them is the visitor's. Anybody can
    send the header, so what stands further left proves nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        claimed = request.headers.get("X-Forwarded-For", "").split(",")
        while claimed and is_trusted(request.META.get("REMOTE_ADDR", "")):
            address = claimed.pop().strip()
            if not is_address(address):
                break
            request.META["REMOTE_ADDR"] = address
        return self.get_response(request)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_trusted(text: str) -> bool:
    return is_address(text) and any(
        ipaddress.ip_address(text) in network for network in settings.TRUSTED_PROXIES
    )
