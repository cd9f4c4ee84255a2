"""How gunicorn serves the pages: `python -m gunicorn -c python:config.management.gunicorn`."""

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


def post_fork(arbiter: Any, worker: Any) -> None:
    end_with_parent(worker.ppid)
