"""Applications without Spring Boot, on the library: a WAR with an endpoint class alone, and one of Spring by XML, in Tomcat 9 and 10."""

import pytest
import yaml

from support.http import HttpConnection
from support.kept import MARK, SECRET
from support.pod import Pod
from support.war import War


def printed(war):
    assert war.port
    lines = [line[line.index("INFO: ") + 6:] if "INFO: " in line else line for line in war.lines]
    at = max(i for i, line in enumerate(lines) if MARK in line) + 1  # Spring's context says it again, with what it adds
    end = next(i for i in range(at, len(lines)) if not lines[i].strip())
    return yaml.safe_load("\n".join(lines[at:end]))


@pytest.fixture(scope="module")
def deployed(generation, own_redis, tmp_path_factory):
    """deployed(webapp, ...): two Tomcats, and wsidecars configured by what the first one printed."""
    made = []

    def deploy(webapp, **how):
        directory = str(tmp_path_factory.mktemp(webapp))
        wars = [War(generation, webapp, own_redis, directory, **how) for _ in range(2)]
        made.extend(wars)
        pods = []
        for war in wars:
            said = printed(wars[0])
            said["app"] = {"signing_secret": [SECRET], "url": f"http://127.0.0.1:{war.port}"}
            pods.append(Pod(said | {"listen": {"address": "127.0.0.1:0"}, "admin": {"address": "127.0.0.1:0"}, "redis": {"url": own_redis.url},
                                    "drain": {"delay": "10ms", "period": "100ms"}}))
        made.extend(pods)
        return wars, pods

    yield deploy
    for it in reversed(made):
        it.close()


def test_a_war_with_an_endpoint_class(deployed):
    _, pods = deployed("endpoint")
    a, b = pods[0].connect("/echo/ana"), pods[1].connect("/echo/bo")
    for c, name in ((a, "ana"), (b, "bo")):
        assert c.recv() == f"hello {name} none"
        c.send("hi 世界")
        assert c.recv() == f"{name} said hi 世界"
        c.close()


@pytest.mark.parametrize("webapp", ["spring", "config"])
def test_a_war_of_spring_by_xml_or_java_below_a_context_path(deployed, webapp):
    def libraries(name):
        return not name.startswith(("spring-boot", "logback", "log4j", "jul-to-slf4j"))

    wars, pods = deployed(webapp, context="/shop", libraries=libraries)
    with HttpConnection(wars[0].port, 10) as c:
        assert c.request("GET", "/shop/api/raw/x").status in (400, 404, 405)  # not an upgrade
    for pod in pods:
        c = pod.connect("/shop/api/raw/x")
        assert c.recv() == "hello /shop/api/raw/x"
        c.send("hi")
        assert c.recv() == "said hi"
        c.close()
