"""The demo's pods as scripts/demo.d/compose.yaml starts them: the same commands and configurations, without containers and on other ports."""

import json
import os
import subprocess

import pytest
import yaml

from support.http import http
from support.markdown import ROOT
from support.redis_server import free_port
from support.world import World

FOLDER = os.path.join(ROOT, "scripts", "demo.d")


def compose():
    with open(os.path.join(FOLDER, "compose.yaml"), encoding="utf-8") as f:
        return yaml.safe_load(f)["services"]


def pod_config(name):
    with open(os.path.join(FOLDER, f"pod-{name}.yaml"), encoding="utf-8") as f:
        return yaml.safe_load(f)


@pytest.mark.slow
def test_the_pods_of_the_compose_file_serve_the_demo(redis_server):
    """The same commands and configurations, without containers and on other ports."""
    world, started = World(redis_server), []
    own = {name: free_port() for name in "ab"}
    try:
        for name in "ab":
            command = compose()[f"app-{name}"]["command"]
            assert pod_config(name)["app"]["url"].endswith(":" + command[2]), "the app's port"
            assert redis_port(pod_config(name)) == command[3]
            command = [os.path.join(FOLDER, command[1].removeprefix("/demo/")), str(own[name]), str(redis_server.port), command[4], FOLDER, command[6]]
            started.append(subprocess.Popen(["java", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        pods = [start_pod(world, n, own[n]) for n in "ab"]
        for pod in pods:
            pod.wait_ready(120)  # java compiles the app first
        page = http(pods[0].port, "GET", "/")
        assert page.status == 200 and "<html" in page.text
        ana = pods[0].connect("/ws/table/3?name=Ana")
        ben = pods[1].connect("/ws/table/3?name=Ben")
        assert [json.loads(c.recv())["type"] for c in (ana, ben)] == ["welcome", "welcome"]
        ana.send('{"type":"order","dish":"noodles"}')
        assert json.loads(ben.recv())["dish"] == "noodles"
        ana.close()
        ben.close()
    finally:
        world.close()
        for process in started:
            process.terminate()
            process.wait(10)


def redis_port(config):
    return config["redis"]["url"].rsplit(":", 1)[1]


def start_pod(world, name, app_port):
    config = {k: v for k, v in pod_config(name).items() if k not in ("listen", "admin", "redis", "app")}
    return world.pod(name=f"pod-{name}", wait="listening", app=Elsewhere(f"http://127.0.0.1:{app_port}"), prefix="wsidecar:", **config)


class Elsewhere:
    """An app that is no stub of the tests."""

    def __init__(self, url):
        self.url = url
