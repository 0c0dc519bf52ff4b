"""A real nginx in front of pods."""

import os
import shutil
import socket
import subprocess
import tempfile

from support.redis_server import free_port
from support.waiting import wait_until

# As apps have it, word for word; it sets no Host, and says Connection: Upgrade of every request.
LOCATION = """
        location /wsapp/ {
            proxy_pass http://wsbackend;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "Upgrade";
        }
"""

CONFIG = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    {paths}
    {before}
    upstream wsbackend {{ {balance} {servers} }}
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""


class Nginx:
    """Round robin over the ports, unless `balance` says otherwise; `location` as in the app's own nginx.conf."""

    def __init__(self, ports, location=LOCATION, before="", balance=""):
        self.directory = tempfile.mkdtemp(prefix="wsidecar-nginx-")
        self.port = free_port()
        paths = " ".join(f"{kind}_temp_path {self.directory};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(port=self.port, location=location, paths=paths, before=before, balance=balance,
                                  servers=" ".join(f"server 127.0.0.1:{p};" for p in ports)))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        with open(os.path.join(self.directory, "log"), "wb") as log:
            self.process = subprocess.Popen([program, "-p", self.directory, "-c", path], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self.listening, 5, "nginx listens")

    def listening(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.directory, "log"), encoding="utf-8") as f:
                raise AssertionError(f"nginx ended with {self.process.returncode}:\n{f.read()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
