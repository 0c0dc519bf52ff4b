"""Spring Boot apps that keep their own WebSocket classes: the library of sidecar/java is one dependency, and one property."""

import os

import yaml

from support.pod import ROOT
from support.spring import Stage
from support.waiting import wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MARK = "wsidecar.yaml of this application:"


def printed(replica):
    """The wsidecar.yaml that the app prints once."""
    assert replica.port
    lines = list(replica.lines)
    at = next(i for i, line in enumerate(lines) if MARK in line) + 1
    end = next(i for i in range(at, len(lines)) if not lines[i].strip() or lines[i].startswith("20"))
    return yaml.safe_load("\n".join(lines[at:end]))


def same(now, then, play):
    """The same play with wsidecar and without: what it shows, which has to be the same."""
    shown = []
    for stage in (now, then):
        try:
            shown.append(play(stage))
        except Exception as e:
            raise AssertionError(f"{'with' if stage.pods else 'without'} wsidecar") from e
    assert shown[0] == shown[1], f"with wsidecar: {shown[0]!r}\nwithout: {shown[1]!r}"
    return shown[0]


def at(stage, n):
    """The n-th replica; without wsidecar there is one."""
    return n % len(stage.replicas)


def line_of(name, mark, app="samples"):
    """The line of this class of a sample app that ends with the comment `// here: <mark>`."""
    with open(os.path.join(ROOT, f"tests/spring/kept/{app}/stays/{name}.java"), encoding="utf-8") as f:
        return next(n for n, text in enumerate(f, 1) if text.rstrip().endswith(f"// here: {mark}"))


class KeptStage(Stage):
    """Two replicas behind wsidecars that are configured by what the first one printed; or, with `pods=False`, as it was before."""

    def __init__(self, generation, app, redis, replicas=2, pods=True, arguments=(), sources="com.example.deleted"):
        own = [f"--spring.main.sources={sources}"] if sources else []
        own += ["--wsidecar.signing-secret=" + SECRET] if pods else ["--wsidecar.enabled=false"]
        super().__init__(generation, f"kept-{app}", redis, replicas, [*own, *arguments])
        self.with_pods = pods

    def start(self, **config):
        return super().start(pods=self.with_pods, **config)

    def config(self):
        if not self.with_pods:
            return {}
        said = printed(self.replicas[0])
        said["app"]["signing_secret"] = [SECRET]
        return said

    def front(self, at):
        """What clients connect to."""
        return self.pods[at] if self.pods else self.replicas[at]

    def begin(self, number):
        """The replica again, told where its wsidecar's admin address is, as it would be in a pod."""
        old = self.replicas[number]
        admin = f"--wsidecar.admin=http://127.0.0.1:{self.pods[number].admin_port}"
        if admin not in old.arguments:
            old.arguments = [*old.arguments, admin]
        super().begin(number)

    def records(self):
        """Ids of connections that the library has written down, of all instances."""
        found = []
        for instance in self.redis.smembers("wsidecar:java:instances"):
            found += self.redis.hkeys(f"wsidecar:java:sessions:{instance}")
        return found

    def all_gone(self):
        wait_until(lambda: not self.records(), 10, "no session is left behind")
