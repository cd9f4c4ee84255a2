"""A stand-in for Akismet: a real HTTP server on this machine that behaves as Akismet is documented
to, notes down every call and what was wrong with it, and can be told to fail in twenty ways.

In a test:

    with Standin() as standin:
        ...                                  # point AKISMET_API_URL at standin.url
        assert standin.checks[-1].problems == []

By hand: ``python -m tests.standin --port 9000``.
"""

from .faults import Fault
from .protocol import Call
from .server import Standin

__all__ = ["Call", "Fault", "Standin"]
