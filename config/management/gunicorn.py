"""How gunicorn serves the pages: `python -m gunicorn -c python:config.management.gunicorn`.

`manage.py serve` goes by it too.
"""

import gc
import sys
from typing import Any

from config import environment

from .lifeline import end_with_parent

wsgi_app = "config.wsgi"
chdir = str(environment.BASE_DIR)
bind = f"{environment.HOST}:{environment.PORT}"
workers = environment.WEB_WORKERS
worker_class = "gthread"
threads = 4
# Django is loaded once and shared: a quicker start and less memory. Nothing connects at import.
preload_app = True
forwarded_allow_ips = ",".join(str(network) for network in environment.TRUSTED_PROXIES)
# By default a proxy may send SCRIPT_NAME, and not every one drops a visitor's: all links of a page
# that is kept for others would lead to where they say.
forwarder_headers = ""
graceful_timeout = 20
loglevel = "warning"
# It would lie in the home folder, which a service may not have.
control_socket_disable = True


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Have the collector leave alone what is loaded by now: it would find nothing in there, take
    long for it, and by touching it end the sharing.
    """
    gc.freeze()


def on_exit(arbiter: Any) -> None:
    if environment.PAGE_EXPORT:
        from pagecache import export

        export.close()


def post_fork(arbiter: Any, worker: Any) -> None:
    end_with_parent(worker.ppid)
    # Whoever writes to SQLite keeps all others waiting, so it must not wait long for its own turn
    # among the threads of this process (Python's is 5 ms).
    sys.setswitchinterval(0.0005)
    if environment.PAGE_EXPORT:
        from pagecache import export  # needs Django, which is loaded by now

        export.keep_fresh()
