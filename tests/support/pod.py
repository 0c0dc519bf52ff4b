"""A real wsidecar process beside an app."""

import copy
import json
import os
import re
import signal
import subprocess
import tempfile
import threading

import yaml

from support.http import http
from support.waiting import wait_until
from support.ws import Ws

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def binary():
    """WSIDECAR_BIN, else the first build there is."""
    named = os.environ.get("WSIDECAR_BIN")
    if named:
        return named
    for preset in ("release", "dev", "asan"):
        path = os.path.join(ROOT, "build", preset, "wsidecar")
        if os.path.exists(path):
            return path
    raise AssertionError("no wsidecar is built: scripts/build, or set WSIDECAR_BIN")


def next_binary():
    """The release after this one, as far as Redis sees it."""
    path = os.path.join(os.path.dirname(os.path.abspath(binary())), "wsidecar_next")
    assert os.path.exists(path), f"cmake --build {os.path.dirname(path)} --target wsidecar_next"
    return path


def merge(base, more):
    out = copy.deepcopy(base)
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out


def clean_environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("WSIDECAR_") and k != "POD_NAME"}
    env.update(more)
    return env


def run(*arguments, timeout=20, **environment):
    """The command line once, to its end."""
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=timeout,
                          env=clean_environment(**environment), stdin=subprocess.DEVNULL)


class Pod:
    """Writes the configuration, starts the binary and waits until it serves. `config` goes over short test defaults."""

    def __init__(self, config, name=None, wait="ready", arguments=(), environment=None, limit_files=None,
                 program=None):
        self.directory = tempfile.TemporaryDirectory(prefix="wsidecar-pod-")
        self.config_path = os.path.join(self.directory.name, "wsidecar.yaml")
        self.config = config
        self.logs = []
        self.noise = []
        self.raw_output = []
        self.expected_exit = {0}
        self.write_config()
        command = [program or binary(), "run", "--config", self.config_path, *arguments]
        if limit_files:
            command = ["prlimit", f"--nofile={limit_files}", *command]
        env = clean_environment(**(environment or {}))
        if name:
            env["POD_NAME"] = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, env=env)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = self.admin_port = 0
        if wait:
            self.wait_listening()
            wait_until(lambda: self.get("/startupz").status == 200, 5, "startupz")
        if wait == "ready":
            self.wait_ready()

    def write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as f:
            yaml.safe_dump(self.config, f, sort_keys=False, allow_unicode=True)

    def _read(self):
        for raw in self.process.stdout:
            line = raw.decode("utf-8", "backslashreplace")  # then it is no JSON either.rstrip("\n")
            self.raw_output.append(line)
            try:
                record = json.loads(line)
                assert isinstance(record, dict)
                self.logs.append(record)
            except (ValueError, AssertionError):
                self.noise.append(line)

    def wait_listening(self):
        def listening():
            if self.process.poll() is not None:
                self._reader.join(2)
                raise AssertionError(f"wsidecar ended with {self.process.returncode}:\n" + self.output())
            return self.logged(message="listening")
        record = wait_until(listening, 20, "the log line `listening`")[0]
        self.port = int(record["listen"].rsplit(":", 1)[1])
        self.admin_port = int(record["admin"].rsplit(":", 1)[1])

    def wait_ready(self, timeout=10):
        def ready():
            r = self.get("/readyz")
            told = json.loads(r.body or b"{}")
            return r.status == 200 and told.get("redis") in ("ok", "none")
        wait_until(ready, timeout, "readyz with redis ok")
        return self

    # ------------------------------------------------------------------------------------------- asking it

    def connect(self, path="/ws/test", headers=(), **how):
        return Ws(self.port, path, headers, **how)

    def get(self, path, headers=()):
        return http(self.admin_port, "GET", path, headers)

    def post(self, path, body=b"", headers=()):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        return http(self.admin_port, "POST", path, headers, body)

    def readyz(self):
        r = self.get("/readyz")
        return r.status, json.loads(r.body)

    @property
    def instance(self):
        return self.readyz()[1]["instance"]

    def samples(self):
        """(name, labels, value) of every sample of /metrics, without the label `prefix`, which all of them have."""
        out = []
        for line in self.get("/metrics").text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = re.fullmatch(r"([a-zA-Z0-9_:]+)(?:\{(.*)\})? (\S+)(?: \d+)?", line).groups()
                pairs = re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', labels or "")
                out.append((name, {k: v for k, v in pairs if k != "prefix"}, float(value)))
        return out

    def metric(self, name, /, **labels):
        return sum(v for n, l, v in self.samples() if n == name and labels.items() <= l.items())

    def reasons(self):
        """reason -> count over all counters that have such a label."""
        out = {}
        for name, labels, value in self.samples():
            if "reason" in labels and name.endswith("_total") and value:
                out[labels["reason"]] = out.get(labels["reason"], 0) + value
        return out

    def wait_reason(self, reason, count=1, timeout=3):
        wait_until(lambda: self.reasons().get(reason, 0) >= count, timeout,
                   f"{count} counted with reason {reason}", step=0.05)

    def logged(self, contains=None, **fields):
        return [r for r in list(self.logs) if (contains is None or contains in json.dumps(r, ensure_ascii=False))
                and all(str(r.get(k)) == str(v) for k, v in fields.items())]

    def wait_logged(self, contains=None, timeout=3, **fields):
        return wait_until(lambda: self.logged(contains, **fields), timeout, f"a log line with {contains} {fields}")

    def output(self):
        return "\n".join(self.raw_output[-60:])

    def rss(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024

    # -------------------------------------------------------------------------------------------- ending it

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.expected_exit = {-signal.SIGKILL}
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.terminate()

    def wait_exit(self, timeout=10):
        code = self.process.wait(timeout)
        self._reader.join(2)
        return code

    def close(self):
        """Ends it and fails when it had died, did not end, or a sanitizer complained."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGCONT)
                self._end()
            self._reader.join(2)
            complaints = [n for n in self.noise if "Sanitizer" in n or "runtime error" in n]
            assert not complaints, "\n".join(self.noise[-80:])
            code = self.process.returncode
            assert code in self.expected_exit, f"wsidecar ended with {code}:\n{self.output()}"
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            self.directory.cleanup()

    def _end(self):
        # A second SIGTERM must end it within 2 s whatever the app and the clients do.
        for patience in (3, 6):
            self.process.terminate()
            try:
                self.process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(f"wsidecar did not end at a second SIGTERM:\n{self.output()}")
