"""The servers that `scripts/bench --peers` compares: how each is started, and which of its doors and paths does which work."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from stack import ROOT, TOOLS, Processes, cpu_seconds, free_port, rss_bytes, spring_missing, switches, tree

HEARTBEAT = 10  # seconds between two pings of a connection, where the server can
UNDER_TEST, REST = 0, 1  # cores
DESCRIPTORS = 19_900  # of the 20,000 that a process may often have at most


class Server(Processes):
    """One server on a core of its own; Redis, the app and the clients are on the other."""

    name = ""
    title = ""
    note = ""  # what it does differently
    most = 19_000  # connections
    pause = 0.5  # seconds until what is subscribed by connecting is in force
    warm_up = 1.0
    opening = 64  # handshakes at once
    redials = 0
    door = "redis"
    lists = False  # takes pushes from a list in Redis as well
    app = False
    paths = {}  # by mode, where it is not /ws/bench?user={i}
    files = ()  # what makes its size

    def __init__(self, confirm="write"):
        super().__init__()
        self.confirm = confirm
        self.port = free_port()
        self.door_port = 0
        try:
            self.start_redis(REST)
            self.redis = self.processes[-1].pid
            if self.app:
                app = self.start([str(TOOLS / "echo_app")], REST, stdout=subprocess.PIPE, text=True)
                self.app_port, self.app_pid = int(app.stdout.readline()), app.pid
            self.wait_port(self.redis_port)
            begun = time.monotonic()
            self.pid = self.launch().pid
            self.wait_open()
            self.started = time.monotonic() - begun
            self.settle()
        except BaseException:
            self.close()
            raise

    @classmethod
    def missing(cls, _options) -> str:
        """Why it cannot be measured here; empty: it can."""
        return ""

    def launch(self) -> subprocess.Popen:
        raise NotImplementedError

    def settle(self):
        """Until pushes get through."""

    def run(self, command, **options):
        return self.start([str(c) for c in command], UNDER_TEST, stderr=subprocess.DEVNULL, **options)

    def write(self, name: str, text: str) -> str:
        path = pathlib.Path(self.dir.name, name)
        path.write_text(text)
        return str(path)

    def path(self, mode: str) -> str:
        return self.paths.get(mode, "/ws/bench?user={i}")

    def load(self, mode: str) -> list[str]:
        """Arguments of wsload."""
        words = ["--port", self.port, "--path", self.path(mode), "--redis-port", self.redis_port, "--pause", self.pause,
                 "--warm-up", self.warm_up, "--opening", self.opening, "--redials", self.redials]
        if self.door != "redis":
            words += ["--door", self.door, "--door-port", self.door_port or self.port]
        return [str(w) for w in words]

    def pids(self):
        return tree(self.pid)

    def cpu(self) -> float:
        return sum(cpu_seconds(p) for p in self.pids())

    def rss(self) -> int:
        return sum(rss_bytes(p) for p in self.pids())

    def wakeups(self) -> int:
        return sum(switches(p) for p in self.pids())

    @classmethod
    def size(cls) -> int:
        return sum(f.stat().st_size for path in cls.files for f in ([pathlib.Path(path)] if pathlib.Path(path).is_file()
                                                                    else pathlib.Path(path).rglob("*")) if f.is_file())

    @staticmethod
    def wait_port(port: int):
        for _ in range(2000):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.005)
        raise RuntimeError(f"nobody listens on {port}")

    def wait_open(self):
        """Until a handshake succeeds."""
        path = self.path("idle").replace("{i}", "0").replace("{g}", "0")
        request = (f"GET {path} HTTP/1.1\r\nHost: bench.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.processes[-1].poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.processes[-1].returncode}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
                    s.sendall(request)
                    if s.recv(4096).startswith(b"HTTP/1.1 101"):
                        return
            except OSError:
                pass
            time.sleep(0.005)
        raise RuntimeError(f"{self.name} did not get ready")

    def wait_subscribed(self):
        """Until somebody has a pattern of Redis' channels."""
        for _ in range(300):
            out = subprocess.run(["redis-cli", "-p", str(self.redis_port), "pubsub", "numpat"], capture_output=True, text=True).stdout
            if int(out or 0) > 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not subscribe")


class Wsidecar(Server):
    name, title = "wsidecar", "wsidecar"
    lists, app = True, True
    files = (ROOT / "build/release/wsidecar",)

    def launch(self):
        config = self.write("wsidecar.yaml", f"""
listen: {{address: "127.0.0.1:{self.port}"}}
admin: {{address: "127.0.0.1:{free_port()}"}}
app: {{url: "http://127.0.0.1:{self.app_port}"}}
redis: {{url: "redis://127.0.0.1:{self.redis_port}/0"}}
outbox: {{confirm: {self.confirm}}}
ping: {HEARTBEAT}s
""")
        log = open(os.environ.get("BENCH_LOG", os.devnull), "w", encoding="utf-8")
        return self.run([self.files[0], "--config", config], stdout=log)


class Limit(Server):
    name, title = "limit", "limit (bare epoll)"
    lists, app = True, True
    files = (TOOLS / "limit",)

    def launch(self):
        return self.run([self.files[0], "--port", self.port, "--redis-port", self.redis_port, "--app-port", self.app_port, "--list", 1,
                         "--ping", HEARTBEAT])


class NginxProxy(Server):
    name, title = "nginx", "nginx, plain proxy"
    note = "in front of `limit`, whose CPU and memory are not counted; two descriptors a connection"
    most, app = 9_000, True
    files = ("/usr/sbin/nginx",)

    @classmethod
    def missing(cls, _options):
        return "" if shutil.which("nginx") else "nginx is not installed: scripts/install-deps bench"

    def modules(self):
        return ""

    def http(self):
        backend = free_port()
        self.start([str(w) for w in [TOOLS / "limit", "--port", backend, "--redis-port", self.redis_port, "--app-port", self.app_port,
                                     "--ping", HEARTBEAT]], REST)
        return f"""
  upstream backend {{ server 127.0.0.1:{backend}; }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 1h;
    }}
  }}"""

    def launch(self):
        config = self.write("nginx.conf", f"""
{self.modules()}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {self.dir.name}/nginx.pid;
error_log {self.dir.name}/error.log;
events {{ worker_connections {DESCRIPTORS}; }}
http {{
  access_log off;
  client_body_temp_path {self.dir.name};
  proxy_temp_path {self.dir.name};
  fastcgi_temp_path {self.dir.name};
  uwsgi_temp_path {self.dir.name};
  scgi_temp_path {self.dir.name};
  keepalive_requests 1000000000;
  keepalive_timeout 10m;
{self.http()}
}}
""")
        os.chmod(self.dir.name, 0o755)  # its worker is another user
        return self.run(["nginx", "-c", config, "-e", self.dir.name + "/error.log", "-p", self.dir.name])


class Nchan(NginxProxy):
    name, title = "nchan", "nginx + Nchan"
    note = "pushes by HTTP; no connect event; an idle connection has two channels, a user's and a group's; echo through `nchan_publisher_upstream_request`"
    most = 18_500
    door = "http"
    module = "/usr/lib/nginx/modules/ngx_nchan_module.so"
    files = ("/usr/sbin/nginx", module)
    paths = {"idle": "/idle?id=u{i}&group=g{g}", "fanout": "/ws?id=all", "unicast": "/ws?id=u{i}", "echo": "/echo?id=e{i}"}

    @classmethod
    def missing(cls, options):
        return super().missing(options) or ("" if os.path.exists(cls.module) else "libnginx-mod-nchan is not installed: scripts/install-deps bench")

    def modules(self):
        return f"load_module {self.module};"

    def http(self):
        subscriber = f"nchan_subscriber websocket; nchan_subscriber_first_message newest; nchan_websocket_ping_interval {HEARTBEAT};"
        return f"""
  nchan_shared_memory_size 512M;
  upstream app {{ server 127.0.0.1:{self.app_port}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location = /pub {{ nchan_publisher http; nchan_channel_id $arg_id; nchan_message_timeout 5s; }}
    location = /ws {{ {subscriber} nchan_channel_id $arg_id; }}
    location = /idle {{ {subscriber} nchan_channel_id $arg_id $arg_group; }}
    location = /echo {{
      nchan_pubsub websocket;
      nchan_subscriber_first_message newest;
      nchan_message_timeout 5s;
      nchan_channel_id $arg_id;
      nchan_publisher_upstream_request /upstream;
    }}
    location = /upstream {{
      internal;
      proxy_pass http://app/ws/bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}"""


class Pushpin(Server):
    name, title = "pushpin", "Pushpin"
    note = "pushes by its ZeroMQ port; no heart-beats; message_rate=0; handshakes that it answers with 502 are tried again"
    door, app = "pushpin", True
    pause = 3.0
    opening, redials = 16, 5  # it answers some with 502
    files = ("/usr/bin/pushpin", "/usr/bin/condure", "/usr/bin/zurl", "/usr/bin/pushpin-proxy", "/usr/bin/pushpin-handler")

    @classmethod
    def missing(cls, _options):
        return "" if shutil.which("pushpin") and shutil.which("zurl") else "pushpin is not installed: scripts/install-deps bench"

    def launch(self):
        folder = self.dir.name
        self.door_port = free_port()
        zurl = f"ipc://{folder}/zurl-"
        changed = {"include": "/usr/lib/pushpin/internal.conf", "rundir": folder, "logdir": folder, "http_port": f"127.0.0.1:{self.port}", "log_level": 1,
                   "push_in_spec": f"tcp://127.0.0.1:{self.door_port}", "push_in_sub_specs": f"tcp://127.0.0.1:{free_port()}",
                   "push_in_http_port": free_port(), "command_spec": f"ipc://{folder}/command", "message_rate": 0,
                   "message_hwm": 1_000_000, "client_maxconn": 20_000}
        text = pathlib.Path("/etc/pushpin/pushpin.conf").read_text()
        for key, value in changed.items():
            text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
        text = text.replace("[proxy]\n", f"[proxy]\nzurl_out_specs={zurl}in\nzurl_out_stream_specs={zurl}in-stream\nzurl_in_specs={zurl}out\n")
        self.write("routes", f"* 127.0.0.1:{self.app_port},over_http\n")
        own = pathlib.Path("/etc/zurl.conf").read_text().replace("ipc:///var/run/zurl/zurl-", zurl).replace("deny=127.*", "deny=0.0.0.1")
        self.write("zurl.conf", own.replace("max_open_requests=2000", "max_open_requests=10000"))
        config = self.write("pushpin.conf", text)
        self.write("both", f"zurl --config={folder}/zurl.conf --loglevel=1 &\nexec pushpin --config={config}\n")  # one tree of processes
        return self.run(["sh", f"{folder}/both"])


class Uws(Server):
    name, title = "uws", "uWebSockets"
    note = "bare library: pushes by HTTP, no app, echo in the server"
    door = "http"
    paths = {mode: "/ws?user={i}" for mode in ("idle", "fanout", "unicast", "echo")}
    folder = ROOT / "build/bench/uwebsockets"
    files = (folder / "uws_server",)

    @classmethod
    def missing(cls, options):
        checkout = options.uwebsockets or cls.folder / "checkout"
        if not options.uwebsockets and not checkout.exists() and not cls.clone(checkout):
            return "no checkout (--uwebsockets DIR), and it cannot be cloned"
        sockets = checkout / "uSockets/src"
        if not (checkout / "src/App.h").exists() or not sockets.exists():
            return f"{checkout} has no src/App.h or no uSockets/src"
        cls.folder.mkdir(parents=True, exist_ok=True)
        flags = ["-O2", "-DLIBUS_NO_SSL", "-DUWS_NO_ZLIB", f"-I{checkout}/src", f"-I{sockets}"]
        sources = [str(s) for s in [*sockets.glob("*.c"), sockets / "eventing/epoll_kqueue.c"] if s.name != "quic.c"]
        for command in (["gcc", *flags, "-c", *sources], ["g++", "-std=c++20", *flags, str(ROOT / "tests/bench/uws_server.cpp"),
                                                           *(pathlib.Path(s).stem + ".o" for s in sources), "-o", "uws_server"]):
            built = subprocess.run(command, cwd=cls.folder, capture_output=True, text=True)
            if built.returncode:
                return "it does not build: " + (built.stderr.splitlines() or ["?"])[0]
        return ""

    @staticmethod
    def clone(checkout) -> bool:
        try:
            return subprocess.run(["git", "clone", "-q", "--depth", "1", "--recurse-submodules=uSockets", "--shallow-submodules",
                                   "https://github.com/uNetworking/uWebSockets", str(checkout)], capture_output=True, timeout=120,
                                  env=os.environ | {"GIT_TERMINAL_PROMPT": "0"}).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def launch(self):
        return self.run([self.files[0], self.port, HEARTBEAT + 4])  # it pings 4 s before its time-out


class Node(Server):
    name, title = "node", "Node.js ws"
    warm_up = 3.0
    app = True
    folder = ROOT / "build/bench/node"
    files = (shutil.which("node") or "/usr/bin/node", folder)

    @classmethod
    def missing(cls, _options):
        if not shutil.which("npm"):
            return "npm is not installed: scripts/install-deps bench"
        cls.folder.mkdir(parents=True, exist_ok=True)
        for source in (ROOT / "tests/bench/node").iterdir():
            shutil.copy(source, cls.folder)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=cls.folder, capture_output=True)
        return "its packages cannot be installed" if done.returncode else ""

    def launch(self):
        return self.run(["node", self.folder / "server.js", self.port, self.redis_port, self.app_port, HEARTBEAT])

    def settle(self):
        self.wait_subscribed()


class Spring(Server):
    name, title = "spring", "Spring Boot, in-process"
    note = "Tomcat and a RedisMessageListenerContainer, -Xmx1g; the echo is a method call in it"
    warm_up = 10.0
    jar = ROOT / "build/spring/boot3/inprocess/inprocess.jar"
    files = (jar,)

    @classmethod
    def missing(cls, _options):
        return spring_missing()

    def launch(self):
        return self.run(["java", "-Xmx1g", "-jar", self.jar, f"--server.port={self.port}", "--server.address=127.0.0.1",
                         "--server.tomcat.max-connections=20000", "--server.tomcat.accept-count=4096", f"--heartbeat={HEARTBEAT * 1000}",
                         f"--spring.data.redis.port={self.redis_port}"])

    def settle(self):
        self.wait_subscribed()


ALL = (Wsidecar, Limit, Uws, Nchan, NginxProxy, Node, Spring, Pushpin)
