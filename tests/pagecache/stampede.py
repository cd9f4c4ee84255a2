"""Many ask at once: `python -m tests.pagecache.stampede PATH GO`.

Waits for the file GO, asks for PATH in as many threads as ASK, and says how often Django was
troubled and how many different answers there were.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import django
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started

ASK = 6  # fewer than connections to PostgreSQL in a pool


def main(path: str, go: Path) -> None:
    from pagecache.wsgi import PageCache

    asked: list[Any] = []
    answers: set[bytes] = set()
    request_started.connect(lambda **_: asked.append(path), sender=PageCache, weak=False)
    application = PageCache(WSGIHandler())
    together = threading.Barrier(ASK + 1)

    def ask() -> None:
        environ = {"PATH_INFO": path, "HTTP_HOST": "localhost"}
        setup_testing_defaults(environ)
        together.wait()
        answers.add(b"".join(application(environ, lambda *_: None)))

    threads = [threading.Thread(target=ask) for _ in range(ASK)]
    for thread in threads:
        thread.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not go.exists():
        time.sleep(0.001)
    together.wait()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{len(asked)} {len(answers)}\n")


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1], Path(sys.argv[2]))
