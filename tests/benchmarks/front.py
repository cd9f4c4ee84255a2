"""nginx, as a front server that sends files by itself: the export, and any other file."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.processes import free_port, until

CONFIGURATION = """
{user} daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log stderr crit;
events {{ }}
http {{
    access_log off; default_type text/html; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; index index.html; }}
}}
"""


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@contextmanager
def nginx(folder: Path, root: Path) -> Iterator[int | None]:
    """The port of an nginx that sends the files below `root`; None where there is no nginx."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        yield None
        return
    folder.mkdir()
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, root=root, user=user))
    running = subprocess.Popen([program, "-p", str(folder), "-c", str(configuration)])
    try:
        until(lambda: listens(port))
        yield port
    finally:
        running.terminate()
        running.wait()
