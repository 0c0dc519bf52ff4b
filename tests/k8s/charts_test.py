"""The charts: what they render with every switch, what they refuse, and that it is what Kubernetes and wsidecar take."""

import concurrent.futures
import copy
import json
import os
import re
import shutil

import pytest
import yaml

from k8s.render import CHARTS, HERE, cases, template
from k8s.tools import CACHE, K8S, VERSIONS, call, helm, output, tool
from support.pod import run

BASE = {"app": {"image": "shop:1"}, "wsidecar": {"config": {"redis": {"url": "redis://redis:6379/0"}}}}


def objects(text):
    return [o for o in yaml.safe_load_all(text) if o]


def golden(name):
    return objects((HERE / "golden" / f"{name}.yaml").read_text())


def config_of(found):
    return next(o for o in found if o["kind"] == "ConfigMap" and "wsidecar.yaml" in o["data"])["data"]["wsidecar.yaml"]


def find(found, kind, name=None):
    mine = [o for o in found if o["kind"] == kind and (name is None or o["metadata"]["name"] == name)]
    assert len(mine) == 1, f"{len(mine)} of {kind} {name or ''}"
    return mine[0]


def pod_of(found):
    return find(found, "Deployment")["spec"]["template"]


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def container(spec, name):
    return next(c for c in containers(spec) if c["name"] == name)


def over(*changes):
    """BASE with `a.b.c` set to values."""
    out = copy.deepcopy(BASE)
    for path, value in changes:
        at, keys = out, path.split(".")
        for key in keys[:-1]:
            at = at.setdefault(key, {})
        at[keys[-1]] = value
    return out


def render(values, *arguments, chart="wsidecar-app"):
    return helm("template", "shop", CHARTS[chart], "--namespace", "web", "--kube-version", "1.34", "--values", "-", *arguments,
                input=json.dumps(values))


NAMES = sorted(c.stem for c in cases())


def test_all_that_is_derived_is_up_to_date():
    done = call(K8S / "generate", "--check")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nto write it anew, and look at the difference: k8s/generate"


def test_no_expected_render_is_left_of_a_case_that_is_gone():
    assert sorted(p.stem for p in (HERE / "golden").glob("*.yaml")) == NAMES


@pytest.mark.parametrize("chart", ["wsidecar", "wsidecar-app"])
@pytest.mark.parametrize("values", ["default", "minimal"])
def test_helm_lint_passes(chart, values):
    given = ["--values", str(HERE / "cases/minimal.yaml")] if chart == "wsidecar-app" and values == "minimal" else []
    said = output(tool("helm"), "lint", "--strict", K8S / "charts" / chart, *given)
    assert "0 chart(s) failed" in said and "[WARNING]" not in said


def test_helm_lint_says_what_is_required():
    done = call(tool("helm"), "lint", "--strict", CHARTS["wsidecar-app"])
    assert done.returncode == 0 and "app.image is needed" in done.stdout + done.stderr
    assert "wsidecar.config.redis.url (or redis.sentinels) is needed" in done.stdout + done.stderr


def test_a_packed_chart_holds_the_library_and_renders_the_same(tmp_path):
    output(tool("helm"), "package", CHARTS["wsidecar-app"], "--destination", tmp_path)
    packed = next(tmp_path.glob("*.tgz"))
    case = HERE / "cases/monitoring.yaml"
    assert output(tool("helm"), "template", "shop", packed, "--namespace", "web", "--kube-version", "1.34", "--values", case) == template(case)


def test_the_library_can_be_copied_out_of_here(tmp_path):
    shutil.copytree(CHARTS["service-chart"], tmp_path / "orders", ignore=shutil.ignore_patterns("charts"))
    shutil.copytree(K8S / "charts/wsidecar", tmp_path / "orders/charts/wsidecar", symlinks=True)
    case = HERE / "cases/library.yaml"
    assert output(tool("helm"), "template", "shop", tmp_path / "orders", "--namespace", "web", "--kube-version", "1.34", "--values",
                  case) == template(case)


def test_every_render_is_what_kubernetes_takes():
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {(c, v): pool.submit(template, c, v) for c in cases() for v in VERSIONS}
    wanted = {}
    for (case, version), job in jobs.items():
        wanted.setdefault(case.stem, {})[version] = objects(job.result())
    for name, path in (("base", "base"), ("example", "overlays/example")):
        built = objects(output(tool("kustomize"), "build", K8S / "kustomize" / path))
        wanted[f"kustomize {name}"] = {v: built for v in VERSIONS}
    done = call(CACHE / "venv/bin/python", HERE / "validate.py", input=json.dumps(wanted), timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_the_validation_finds_a_wrong_field():
    wrong = golden("minimal")
    container(pod_of(wrong)["spec"], "wsidecar")["livenessProbe"]["httpget"] = {}
    done = call(CACHE / "venv/bin/python", HERE / "validate.py", input=json.dumps({"x": {"1.31": wrong}}))
    assert done.returncode == 1 and "httpget" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_wsidecar_takes_the_configuration_with_the_files_that_are_mounted(name, tmp_path):
    found = golden(name)
    text = next(o for o in found if o["kind"] == "ConfigMap" and "wsidecar.yaml" in o["data"])["data"]["wsidecar.yaml"]
    spec = pod_of(found)["spec"]
    mount = next(m for m in container(spec, "wsidecar")["volumeMounts"])
    volume = next(v for v in spec["volumes"] if v["name"] == mount["name"])
    paths = [i["path"] for s in volume["projected"]["sources"] for i in next(iter(s.values()))["items"]]
    assert len(paths) == len(set(paths))
    certificate = tmp_path / "made.crt"
    for path in paths:
        (tmp_path / path).write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    if any(p.endswith((".crt", ".key")) for p in paths):
        key = tmp_path / "made.key"
        output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x",
               "-keyout", key, "-out", certificate)
        for path in paths:
            if path.endswith(".crt"):
                shutil.copy(certificate, tmp_path / path)
            elif path.endswith(".key"):
                shutil.copy(key, tmp_path / path)
    config = tmp_path / "wsidecar.yaml"
    config.write_text(text.replace(mount["mountPath"] + "/", f"{tmp_path}/"))
    done = run("check", "--config", str(config))
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_container_runs_with_no_more_than_it_needs(name):
    spec = pod_of(golden(name))["spec"]
    for c in [container(spec, "wsidecar")] + ([container(spec, "app")] if name not in ("library", "library-on-1.28") else []):
        s = c["securityContext"]
        assert s["runAsNonRoot"] is True and s["readOnlyRootFilesystem"] is True
        assert "runAsUser" not in s if name == "openshift" else s["runAsUser"] > 0
        assert s["allowPrivilegeEscalation"] is False and s["capabilities"] == {"drop": ["ALL"]}
        assert s["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_waits_for_its_clients_and_has_the_time_for_it(name):
    found = golden(name)
    spec = pod_of(found)["spec"]
    config = yaml.safe_load(next(o for o in found if o["kind"] == "ConfigMap" and "wsidecar.yaml" in o["data"])["data"]["wsidecar.yaml"])
    drain = {"delay": "5s", "period": "20s", **config.get("drain", {})}

    def seconds(text):
        n, unit = re.fullmatch(r"(\d+)(ms|s|m|)", str(text)).groups()
        return -(-int(n) // 1000) if unit == "ms" else int(n) * {"m": 60}.get(unit, 1)
    both = seconds(drain["delay"]) + seconds(drain["period"])
    sidecar = container(spec, "wsidecar")
    assert sidecar["lifecycle"]["preStop"]["exec"]["command"][:2] == ["/usr/local/bin/wsidecar", "drain"]
    app = next(c for c in spec["containers"] if c["name"] != "wsidecar")
    hook = app["lifecycle"]["preStop"]
    waits = hook["sleep"]["seconds"] if "sleep" in hook else int(hook["exec"]["command"][1])
    assert waits == both + 2
    assert spec["terminationGracePeriodSeconds"] >= both + 20 + 5
    ports = {p["name"]: p["containerPort"] for p in sidecar["ports"]}
    for probe, path in (("startupProbe", "/startupz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert sidecar[probe]["httpGet"]["path"] == path and sidecar[probe]["httpGet"]["port"] in ports


@pytest.mark.parametrize("name", NAMES)
def test_selectors_find_the_pods_and_ports_exist(name):
    found = golden(name)
    template_ = pod_of(found)
    labels = template_["metadata"]["labels"].items()
    ports = {p["containerPort"] for c in containers(template_["spec"]) for p in c.get("ports", [])}
    deployment = find(found, "Deployment")["spec"]
    assert deployment["selector"]["matchLabels"].items() <= labels
    for o in found:
        if o["kind"] == "Service":
            assert o["spec"]["selector"].items() <= labels
            assert {p["targetPort"] for p in o["spec"]["ports"]} <= ports
        elif o["kind"] == "PodDisruptionBudget":
            assert o["spec"]["selector"]["matchLabels"].items() <= labels
        elif o["kind"] == "NetworkPolicy":
            assert o["spec"]["podSelector"]["matchLabels"].items() <= labels
            assert {p["port"] for rule in o["spec"]["ingress"] for p in rule["ports"]} <= ports
        elif o["kind"] == "PodMonitor":
            assert o["spec"]["selector"]["matchLabels"].items() <= labels
            named = {p.get("name") for c in containers(template_["spec"]) for p in c.get("ports", [])}
            assert {e["port"] for e in o["spec"]["podMetricsEndpoints"]} <= named
        elif o["kind"] == "HTTPRoute":
            for backend in (b for rule in o["spec"]["rules"] for b in rule["backendRefs"]):
                service = find(found, "Service", backend["name"])
                assert backend["port"] in {p["port"] for p in service["spec"]["ports"]}
        elif o["kind"] == "ServiceMonitor":
            service = find(found, "Service", o["metadata"]["name"] + "-metrics")
            assert o["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
            assert {e["port"] for e in o["spec"]["endpoints"]} <= {p["name"] for p in service["spec"]["ports"]}
    names = [(o["kind"], o["metadata"]["name"]) for o in found]
    assert len(names) == len(set(names)) and all(len(n) <= 63 for _, n in names)


def test_the_app_s_port_is_not_open_to_others():
    policy = find(golden("minimal"), "NetworkPolicy")
    assert [p["port"] for rule in policy["spec"]["ingress"] for p in rule["ports"]] == [8000, 9090]


def test_a_native_sidecar_starts_first_and_stays():
    first = pod_of(golden("everything-of-the-pod"))["spec"]["initContainers"]
    assert [(c["name"], c.get("restartPolicy")) for c in first] == [("wsidecar", "Always"), ("migrate", None)]


@pytest.mark.parametrize("name", ["classic-sidecar-by-version", "classic-sidecar-by-switch", "library-on-1.28"])
def test_before_1_29_it_is_the_first_of_the_containers(name):
    spec = pod_of(golden(name))["spec"]
    assert spec["containers"][0]["name"] == "wsidecar" and "restartPolicy" not in spec["containers"][0]
    assert "wsidecar" not in [c["name"] for c in spec.get("initContainers", [])]


@pytest.mark.parametrize("name", NAMES)
def test_a_sidecar_that_hangs_is_back_while_its_pushes_wait(name):
    """Detection, the probe's own grace period and a start, within lease + outbox.grace of this case."""
    found = golden(name)
    config = yaml.safe_load(config_of(found))
    probe = container(pod_of(found)["spec"], "wsidecar")["livenessProbe"]
    assert probe["terminationGracePeriodSeconds"] < pod_of(found)["spec"]["terminationGracePeriodSeconds"]
    back = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"] + max(2, probe["terminationGracePeriodSeconds"]) + 2
    waits = [int(re.fullmatch(r"(\d+)s", t)[1]) for t in (config.get("lease", "15s"), config.get("outbox", {}).get("grace", "30s"))]
    assert back <= sum(waits)


def test_an_app_that_hangs_is_killed_after_a_grace_period_of_its_own():
    assert container(pod_of(golden("everything-of-the-pod"))["spec"], "app")["livenessProbe"]["terminationGracePeriodSeconds"] == 10
    given = pod_with(("app.livenessProbe", {"tcpSocket": {"port": "app"}, "terminationGracePeriodSeconds": 25}))
    assert container(given["spec"], "app")["livenessProbe"]["terminationGracePeriodSeconds"] == 25


def test_no_token_of_kubernetes_is_in_the_pods():
    found = golden("minimal")
    account = find(found, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    spec = pod_of(found)["spec"]
    assert spec["automountServiceAccountToken"] is False and spec["serviceAccountName"] == account["metadata"]["name"]
    for name, wanted in (("everything-of-the-pod", "orders"), ("what-the-sidecar-is-given", None)):
        assert not [o for o in golden(name) if o["kind"] == "ServiceAccount"]
        spec = pod_of(golden(name))["spec"]
        assert spec.get("serviceAccountName") == wanted and spec["automountServiceAccountToken"] is False


def test_common_labels_and_annotations_are_on_every_object():
    found = golden("labels-and-annotations")
    assert {"Deployment", "Service", "ConfigMap", "Secret", "ServiceAccount", "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget",
            "NetworkPolicy", "ServiceMonitor", "PrometheusRule"} == {o["kind"] for o in found}
    for o in found + [pod_of(found)]:
        meta = o["metadata"]
        assert meta["labels"]["team"] == "shop" and meta["annotations"]["example.com/cost-centre"] == "4711", meta
        assert meta["labels"]["app.kubernetes.io/name"] in ("shop", "wsidecar")
    assert find(found, "Deployment")["metadata"]["labels"]["tier"] == "web" and find(found, "Service", "shop")["metadata"]["labels"]["tier"] == "edge"
    assert find(found, "PrometheusRule")["metadata"]["annotations"]["example.com/rules"] == "true"


def test_openshift_gives_the_user_ids():
    spec = pod_of(golden("openshift"))["spec"]
    assert not re.search("runAsUser|runAsGroup|fsGroup", yaml.safe_dump(spec))
    values = over()
    there = objects(render(values, "--api-versions", "security.openshift.io/v1").stdout)
    assert "runAsUser" not in yaml.safe_dump(pod_of(there)) and "runAsUser" in yaml.safe_dump(pod_of(objects(render(values).stdout)))


def test_auto_renders_the_operator_s_kinds_only_where_the_cluster_knows_them():
    values = over(("wsidecar.metrics", {"podMonitor": {"enabled": "auto"}, "alerts": {"enabled": True, "kind": "auto"}}))
    kinds = {o["kind"] for o in objects(render(values).stdout)}
    assert not kinds & {"PodMonitor", "PrometheusRule"}
    there = objects(render(values, "--api-versions", "monitoring.coreos.com/v1").stdout)
    assert {"PodMonitor", "PrometheusRule"} <= {o["kind"] for o in there}
    assert "prometheus.io/scrape" not in pod_of(there)["metadata"]["annotations"]


def test_two_renders_are_equal_and_nothing_in_the_templates_is_random_or_of_the_clock():
    for path in (K8S / "charts").glob("*/templates/*"):
        assert not re.search(r"\b(rand\w*|gen[A-Z]\w*|uuidv4|now|htpasswd|bcrypt|\.Release\.Revision)\b", path.read_text()), path
    for name in ("labels-and-annotations", "secrets-made", "autoscaling"):
        case = HERE / "cases" / f"{name}.yaml"
        assert template(case) == template(case) == (HERE / "golden" / f"{name}.yaml").read_text()


def config_map_name(*changes):
    found = objects(render(over(*changes)).stdout)
    name = next(o for o in found if o["kind"] == "ConfigMap" and "wsidecar.yaml" in o["data"])["metadata"]["name"]
    assert pod_of(found)["spec"]["volumes"][0]["projected"]["sources"][0]["configMap"]["name"] == name
    return name


def test_each_configuration_has_a_config_map_of_its_own():
    plain = config_map_name()
    assert plain == config_map_name(("replicas", 7)) and plain != config_map_name(("wsidecar.config.ping", "30s"))
    assert find(golden("minimal"), "ConfigMap")["immutable"] is True


def test_without_restarts_only_a_change_that_takes_one_makes_another_config_map():
    stay = ("wsidecar.restartOnChange", False)
    plain = config_map_name(stay)
    for change in (("wsidecar.config.ping", "30s"), ("wsidecar.config.limits", {"message": "1MiB"}), ("wsidecar.config.routes", [{"path": "/x"}])):
        assert config_map_name(stay, change) == plain, change
    names = {config_map_name(stay, change) for change in (
        ("wsidecar.config.lease", "20s"), ("wsidecar.config.http", "pass"), ("wsidecar.config.outbox", {"pop": "right"}),
        ("wsidecar.config.limits", {"sndbuf": "64KiB"}), ("wsidecar.config.redis.url", "redis://other:6379/0"),
        ("wsidecar.config.channels", ["user"]))}
    assert len(names) == 6 and plain not in names
    assert "immutable" not in find(golden("no-restart"), "ConfigMap")


def pod_with(*changes):
    return pod_of(objects(render(over(*changes)).stdout))


def checksum(*changes):
    return pod_with(*changes)["metadata"]["annotations"]["checksum/wsidecar"]


def test_pods_are_replaced_when_the_configuration_or_a_made_secret_changes_and_only_then():
    plain = checksum()
    assert checksum(("wsidecar.config.ping", "30s")) != plain
    secret = checksum(("wsidecar.secrets.redisPassword.value", "a"))
    assert secret != plain and secret != checksum(("wsidecar.secrets.redisPassword.value", "b"))
    assert checksum(("replicas", 7), ("service.port", 81)) == plain


def test_pods_stay_when_the_configuration_is_to_be_read_anew():
    stay = ("wsidecar.restartOnChange", False)
    assert pod_with(stay) == pod_with(stay, ("wsidecar.config.ping", "30s"), ("wsidecar.config.limits", {"message": "1MiB"}))
    assert pod_with(stay) != pod_with(stay, ("wsidecar.config.drain", {"period": "1m"}))  # the app's wait follows
    assert pod_with(stay) != pod_with(stay, ("wsidecar.config.prefix", "other:"))
    assert pod_with(stay) != pod_with(stay, ("wsidecar.config.lease", "20s"))  # nothing but a restart would bring it into force


def test_two_releases_do_not_share_a_prefix():
    prefixes = set()
    for release, namespace in (("shop", "web"), ("shop", "staging"), ("orders", "web")):
        found = objects(output(tool("helm"), "template", release, CHARTS["wsidecar-app"], "--namespace", namespace, "--kube-version", "1.34",
                               "--values", HERE / "cases/minimal.yaml"))
        config = yaml.safe_load(config_of(found))
        env = {e["name"]: e.get("value") for e in container(pod_of(found)["spec"], "app")["env"]}
        assert env["WSIDECAR_PREFIX"] == config["prefix"]
        prefixes.add(config["prefix"])
    assert prefixes == {"web:shop:", "staging:shop:", "web:orders:"}


def test_no_secret_stands_in_a_config_map_or_in_the_pod():
    text = yaml.safe_dump_all(o for o in golden("secrets-made") if o["kind"] != "Secret")
    assert "s3cret" not in text and "whsec_" not in text
    assert find(golden("secrets-made"), "Secret")["data"].keys() == {"redis-password", "signing-secret", "admin-token"}
    assert find(golden("sentinel-password-made"), "Secret")["data"].keys() == {"sentinel-password"}


def notes(tmp_path, case):
    """NOTES.txt, which `helm template` leaves out: shown through a template beside it."""
    chart = tmp_path / "chart"
    shutil.copytree(CHARTS["wsidecar-app"], chart)
    (chart / "templates/shown.yaml").write_text('kind: Shown\nnotes: {{ include (print $.Template.BasePath "/NOTES.txt") . | quote }}\n')
    return find(objects(template_of(chart, case)), "Shown")["notes"]


def template_of(chart, case):
    return output(tool("helm"), "template", "shop", chart, "--namespace", "web", "--kube-version", "1.34", "--values",
                  HERE / "cases" / f"{case}.yaml" if isinstance(case, str) else case).replace("kind: Shown\n", "kind: Shown\nmetadata: {name: notes}\n")


def test_the_notes_say_how_to_push_and_how_long_a_pod_takes_to_go(tmp_path):
    said = notes(tmp_path, "drain-times")
    assert "web:shop:outbox" in said and "WSIDECAR_PREFIX" in said
    assert "2 s until load balancers know, clients sent away over 60 s" in said and "87 s in all" in said
    assert "NetworkPolicy" not in said and "one replica" not in said


def test_the_notes_warn(tmp_path):
    said = notes(tmp_path, "nothing-optional")
    assert "can forge events" in said and "With one replica" in said and "A sidecar that hangs" not in said


def test_the_notes_warn_of_a_probe_that_is_slower_than_the_pushes_wait(tmp_path):
    case = tmp_path / "slow.yaml"
    case.write_text(json.dumps(over(("wsidecar.probes", {"liveness": {"periodSeconds": 20}}), ("autoscaling", {"enabled": True}))))
    said = notes(tmp_path, case)
    assert "A sidecar that hangs is replaced after up to 69 s" in said and "wait for 45 s" in said
    assert "no custom metrics API" in said and "With one replica" not in said


@pytest.mark.parametrize("url, told", [({}, True), ({"runbookUrl": "https://wiki.example/wsidecar"}, False)], ids=["not said", "said"])
def test_the_notes_say_where_the_runbooks_have_to_be(tmp_path, url, told):
    case = tmp_path / "alerts.yaml"
    case.write_text(json.dumps(over(("wsidecar.metrics", {"alerts": {"enabled": True, **url}}))))
    assert ("set wsidecar.metrics.alerts.runbookUrl" in notes(tmp_path, case)) == told


REFUSED = {
    "no image of the app": ([("app", {})], "image|Image"),
    "an empty image": ([("app.image", "")], "app.image is needed"),
    "an unknown value": ([("replica", 3)], "replica"),
    "an unknown value of the app": ([("app.imag", "x")], "imag"),
    "an unknown value of the sidecar": ([("wsidecar.drain", {"delay": "5s"})], "drain"),
    "a number as text": ([("replicas", "three")], "replicas"),
    "no Redis": ([("wsidecar.config", {})], "wsidecar.config.redis.url"),
    "an unknown key of the configuration": ([("wsidecar.config.pings", "25s")], "pings"),
    "an unknown key deep in the configuration": ([("wsidecar.config.drain", {"perod": "25s"})], "perod"),
    "an impossible duration": ([("wsidecar.config.ping", "25 seconds")], "ping"),
    "a duration without unit": ([("wsidecar.config.drain", {"period": "20"})], "period"),
    "an impossible choice": ([("wsidecar.config.http", "allow")], "http"),
    "an address of Redis that is none": ([("wsidecar.config.redis.url", "http://redis:6379")], "/config/redis/url"),
    "an address of the app that is none": ([("wsidecar.config.app.url", "127.0.0.1:8080")], "/config/app/url"),
    "a prefix of the configuration with a space": ([("wsidecar.config.prefix", "a b:")], "/config/prefix"),
    "a route's path without a slash": ([("wsidecar.config.routes", [{"path": "ws"}])], "/config/routes/0/path"),
    "a path for events that is none": ([("wsidecar.config.routes", [{"path": "/ws", "event_path": "ws events"}])], "/config/routes/0/event_path"),
    "a route without path": ([("wsidecar.config.routes", [{"protocol": "raw"}])], "routes"),
    "a password in the URL": ([("wsidecar.config.redis.url", "redis://:geheim@redis:6379/0")], "secrets.redisPassword"),
    "a password in the configuration": ([("wsidecar.config.redis.password", "geheim")], "secrets.redisPassword"),
    "a signing secret in the configuration": ([("wsidecar.config.app", {"signing_secret": ["whsec_MfKQ"]})], "secrets.signing"),
    "a secret twice": ([("wsidecar.secrets.signing", {"value": "x", "name": "y"})], "either value or name"),
    "an admin address that no probe reaches": ([("wsidecar.config.admin", {"address": "127.0.0.1:9090"})], "admin.address"),
    "a client address that nobody reaches": ([("wsidecar.config.listen", {"address": "127.0.0.1:8000"})], "listen.address"),
    "any free port": ([("wsidecar.config.listen", {"address": "0.0.0.0:0"})], "fixed port"),
    "a grace period shorter than the drain": ([("wsidecar.gracePeriodSeconds", 30)], "need 62"),
    "a grace period that grew too short": ([("wsidecar.gracePeriodSeconds", 62), ("wsidecar.config.drain", {"period": "1m"})], "need 102"),
    "drain times behind the chart's back": ([("wsidecar.env", [{"name": "WSIDECAR_DRAIN_PERIOD", "value": "5m"}])], "WSIDECAR_DRAIN_PERIOD"),
    "ports behind the chart's back": ([("wsidecar.env", [{"name": "WSIDECAR_LISTEN", "value": "0.0.0.0:1"}])], "WSIDECAR_LISTEN"),
    "a Cluster without a hash tag": ([("wsidecar.config.redis.cluster", True), ("wsidecar.prefix", "shop:")], "hash tag"),
    "a prefix with a space": ([("wsidecar.prefix", "my shop:")], "prefix"),
    "an unknown way to run the sidecar": ([("wsidecar.nativeSidecar", "yes")], "nativeSidecar"),
    "a digest that is none": ([("wsidecar.image", {"digest": "sha256:1234"})], "digest"),
    "more connections than a pod takes": ([("autoscaling", {"enabled": True, "connections": 60000})], "is never reached"),
    "scaling to fewer": ([("autoscaling", {"enabled": True, "minReplicas": 5, "maxReplicas": 2})], "maxReplicas"),
    "an Ingress for no host": ([("ingress", {"enabled": True})], "hosts"),
    "an unknown controller": ([("ingress", {"enabled": True, "hosts": ["a"], "controller": "caddy"})], "controller"),
    "an unknown kind of alerts": ([("wsidecar.metrics", {"alerts": {"kind": "Rule"}})], "kind"),
    "a port out of range": ([("wsidecar.appPort", 70000)], "appPort"),
    "no grace period of a probe": ([("wsidecar.probes", {"liveness": {"terminationGracePeriodSeconds": 0}})], "probes.liveness.terminationGracePeriodSeconds"),
    "a grace period of a probe that has none": ([("wsidecar.probes", {"readiness": {"terminationGracePeriodSeconds": 5}})], "probes.readiness"),
    "an update that can't begin": ([("strategy", {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}})], "strategy.rollingUpdate.maxSurge"),
    "Recreate with rolling parameters": ([("strategy", {"type": "Recreate"})], "strategy.rollingUpdate"),
    "an HTTPRoute of no Gateway": ([("httpRoute", {"enabled": True})], "httpRoute.parentRefs"),
    "an HTTPRoute's path without a slash": ([("httpRoute", {"paths": ["ws"]})], "httpRoute.paths.0"),
    "a host with a port": ([("ingress", {"enabled": True, "hosts": ["shop.example:443"]})], "ingress.hosts.0"),
    "a label that is none": ([("commonLabels", {"team": "a b"})], "commonLabels.team"),
    "an annotation that is a number": ([("commonAnnotations", {"a": 1})], "commonAnnotations.a"),
    "an environment variable that is a number": ([("app.env", [{"name": "N", "value": 5}])], "app.env.0.value"),
    "a quantity that is none": ([("wsidecar.resources", {"limits": {"memory": "256 MB"}})], "resources.limits.memory"),
    "a mount without a path": ([("wsidecar.volumeMounts", [{"name": "keys"}])], "volumeMounts.0"),
    "a mount over the configuration": ([("wsidecar.volumeMounts", [{"name": "keys", "mountPath": "/etc/wsidecar"}])], "wsidecar.volumeMounts"),
    "a volume of nothing": ([("wsidecar.volumes", [{"name": "keys"}])], "volumes.0"),
    "a probe that asks nothing": ([("app.livenessProbe", {"periodSeconds": 5})], "app.livenessProbe"),
    "a security context with a mistake": ([("wsidecar.securityContext", {"runAsuser": 5})], "securityContext.*runAsuser"),
    "both monitors": ([("wsidecar.metrics", {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}})], "enable one of them"),
    "a sentinel's password without sentinels": ([("wsidecar.secrets.sentinelPassword", {"name": "x"})], "wsidecar.secrets.sentinelPassword"),
    "a sentinel's password in the configuration": (
        [("wsidecar.config.redis", {"sentinels": ["s:1"], "master": "m", "sentinel": {"password": "geheim"}})], "sentinelPassword"),
    "a duration that is a number": ([("wsidecar.config.app.timeout", 10)], "/config/app/timeout"),
    "a duration that is too short": ([("wsidecar.config.lease", "900ms")], "/config/lease"),
    "no connections": ([("wsidecar.config.max_connections", 0)], "/config/max_connections"),
    "more shards than there can be": ([("wsidecar.config.redis.cluster", True), ("wsidecar.config.shards", 65)], "/config/shards"),
    "a queue of nothing": ([("wsidecar.config.limits", {"queue": "1B"})], "/config/limits/queue"),
    "a share that is none": ([("wsidecar.config.limits", {"memory": "120%"})], "/config/limits/memory"),
    "an origin that is none": ([("wsidecar.config.origins", "shop.example")], "/config/origins"),
    "a proxy that is none": ([("wsidecar.config.trusted_proxies", ["ingress"])], "/config/trusted_proxies/0"),
    "a sentinel without a port": ([("wsidecar.config.redis", {"sentinels": ["s"], "master": "m"})], "/config/redis/sentinels/0"),
    "sentinels without the master's name": ([("wsidecar.config.redis", {"sentinels": ["s:1"]})], "wsidecar.config.redis.master"),
    "a route's path with an open brace": ([("wsidecar.config.routes", [{"path": "/ws/{id"}])], "/config/routes/0/path"),
    "an address without a port": ([("wsidecar.config.listen", {"address": "0.0.0.0"})], "/config/listen/address"),
    "a tag with a space": ([("wsidecar.image", {"tag": "0.2 "})], "/image/tag"),
    "an image in capitals": ([("app.image", "Shop:1")], "/app/image"),
    "the app on wsidecar's port": ([("wsidecar.appPort", 8000)], "wsidecar.appPort"),
    "the app's address on wsidecar's port": ([("wsidecar.config.app.url", "http://localhost:9090/")], "wsidecar.config.app.url"),
    "two addresses with one port": ([("wsidecar.config.admin", {"address": "0.0.0.0:8000"})], "wsidecar.config.admin.address"),
    "a further port of the app that is taken": ([("app.ports", [{"containerPort": 9090}])], "app.ports"),
    "several pods without Redis": ([("wsidecar.config.redis.url", "none")], "wsidecar.config.redis.url"),
    "no way out to Redis": ([("networkPolicy", {"egress": {"enabled": True}})], "/networkPolicy/egress/rules"),
    "a volume twice": ([("volumes", [{"name": "tmp", "emptyDir": {}}])], "volumes: tmp"),
    "a mount of no volume": ([("app.volumeMounts", [{"name": "keys", "mountPath": "/keys"}])], "app.volumeMounts: keys"),
    "a mount over the chart's own": (
        [("volumes", [{"name": "t", "emptyDir": {}}]), ("app.volumeMounts", [{"name": "t", "mountPath": "/tmp"}])], "app.volumeMounts: /tmp"),
    "the prefix behind the chart's back": ([("app.env", [{"name": "WSIDECAR_PREFIX", "value": "x:"}])], "WSIDECAR_PREFIX"),
    "a toleration with a mistake": ([("tolerations", [{"keys": "a"}])], "/tolerations/0"),
    "a label's name with a space": ([("commonLabels", {"a b": "c"})], "/commonLabels.*a b"),
    "an environment variable that names another file": ([("wsidecar.env", [{"name": "WSIDECAR_CONFIG", "value": "/x"}])], "WSIDECAR_CONFIG"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_is(what):
    changes, reason = REFUSED[what]
    done = render(over(*changes))
    assert done.returncode != 0 and re.search(reason, done.stderr), done.stderr or "it was taken"


def test_the_library_s_values_are_checked_in_a_service_s_own_chart_too():
    done = render({"wsidecar": {"config": {"pings": "25s"}}}, chart="service-chart")
    assert done.returncode != 0 and "pings" in done.stderr


def test_the_kustomize_base_is_what_the_chart_renders():
    base = objects(output(tool("kustomize"), "build", K8S / "kustomize/base"))
    chart = pod_of(golden("exec-sleep-on-1.29"))["spec"]
    mine = pod_of(base)["spec"]
    assert container(mine, "wsidecar") == container(chart, "wsidecar")
    for spec in (mine, chart):
        app = container(spec, "app")
        app.pop("image"), app.pop("env", None), app.pop("imagePullPolicy", None)
        spec.pop("topologySpreadConstraints"), spec.pop("serviceAccountName")  # they hold the app's name
        spec["volumes"][0]["projected"]["sources"][0]["configMap"].pop("name")
    assert mine == chart


@pytest.mark.parametrize("path", ["base", "overlays/example"])
def test_the_kustomize_renders_are_whole(path):
    found = objects(output(tool("kustomize"), "build", K8S / "kustomize" / path))
    app = find(found, "Deployment", "app")["spec"]
    labels = app["template"]["metadata"]["labels"].items()
    assert app["selector"]["matchLabels"].items() <= labels
    for o in found:
        if o["metadata"]["name"] != "redis":
            selector = o.get("spec", {}).get("selector") or o.get("spec", {}).get("podSelector")
            if o["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
                assert selector and selector.get("matchLabels", selector).items() <= labels, o["kind"]
    config = next(o for o in found if o["kind"] == "ConfigMap")
    volume = app["template"]["spec"]["volumes"][0]["projected"]["sources"][0]["configMap"]
    assert volume["name"] == config["metadata"]["name"] != "wsidecar"  # the hash
    assert "image: app" not in yaml.safe_dump(app) or path == "base"
