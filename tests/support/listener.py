"""A client for each kind of address, so that one test can be played for all of them."""

from support.stomp import Stomp

ROUTES = [{"path": "/stomp", "protocol": "stomp"}, {"path": "/ws/{rest...}"}]
KINDS = ("user", "alias", "group", "all", "connection", "destination", "user_destination")


class Listener:
    """One client with a name of its own; `to` is how a push of this kind is addressed to it. `world` needs ROUTES."""

    def __init__(self, world, pod, kind, name, **how):
        self.kind, self.name, self.pod = kind, name, pod
        self.stomp = None
        if kind.endswith("destination"):
            world.connect_as(pod, user=name)
            self.ws = pod.connect("/stomp", subprotocols=("v12.stomp",), **how)
            world.clients.append(self.ws)
            self.stomp = Stomp(pod.port, ws=self.ws)
            self.stomp.subscribe("/user/queue/x" if kind == "user_destination" else f"/topic/{name}")
        else:
            names = {"alias": {"alias": [f"id={name}"]}, "group": {"user": name, "join": [f"of-{name}"]}}
            self.ws = world.connect(pod, **names.get(kind, {"user": name}), **how)
        self.to = {"user": {"user": name}, "alias": {"alias": f"id={name}"}, "group": {"group": f"of-{name}"}, "all": {"all": True},
                   "connection": {"connection": getattr(self.ws, "id", None)}, "destination": {"destination": f"/topic/{name}"},
                   "user_destination": {"user": name, "destination": "/queue/x"}}[kind]

    def recv(self, timeout=8.0):
        return self.stomp.message(timeout).body if self.stomp else self.ws.recv(timeout)

    def collect(self, count, timeout=8.0):
        return [self.recv(timeout) for _ in range(count)]

    def hears_nothing(self, seconds=0.3):
        (self.stomp or self.ws).hears_nothing(seconds)
