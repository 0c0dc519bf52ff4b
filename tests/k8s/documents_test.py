"""The commands and snippets of the pages on Kubernetes render what the pages say."""

import re
import shlex
import shutil

import pytest
import yaml

from k8s.tools import HERE, K8S, ROOT, output, tool
from support.markdown import blocks


def objects(rendered):
    return [o for o in yaml.safe_load_all(rendered) if o]


def one(found, kind, name=None):
    (o,) = [o for o in found if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    return o


def pod_of(found):
    return one(found, "Deployment")["spec"]["template"]["spec"]


def render(*words):
    return objects(output(tool("helm"), "template", *words, "--namespace", "web", "--kube-version", "1.34", cwd=ROOT))


def config_of(found):
    return yaml.safe_load(next(o for o in found if o["kind"] == "ConfigMap" and "wsidecar.yaml" in o["data"])["data"]["wsidecar.yaml"])


def commands_of(page, program):
    return [shlex.split(line) for b in blocks(page) if b.language == "sh" for line in b.text.replace("\\\n", " ").splitlines()
            if line.startswith(program)]


@pytest.mark.parametrize("page, image, sidecar", [("README.md", "shop:1", "wsidecar:"),
                                                  ("k8s/README.md", "registry.example/shop:1", "registry.example/wsidecar:")])
def test_the_command_of_a_page_installs_an_app_with_its_sidecar(page, image, sidecar):
    (words,) = commands_of(page, "helm ")
    assert words[:3] == ["helm", "install", "shop"]
    found = render(*words[2:])
    pod = pod_of(found)
    assert [c["name"] for c in pod["initContainers"]] == ["wsidecar"] and [c["image"] for c in pod["containers"]] == [image]
    assert pod["initContainers"][0]["image"].startswith(sidecar)
    assert config_of(found)["redis"]["url"] == "redis://redis:6379/0"


def test_the_image_that_is_built_is_the_one_that_is_installed():
    (words,) = commands_of("k8s/README.md", "podman ")
    (installed,) = commands_of("k8s/README.md", "helm ")
    assert words[:4] == ["podman", "build", "-f", "k8s/Dockerfile"] and words[5:9] == [words[5], ".", "&&", "podman"]
    repository, _, version = words[5].rpartition(":")
    assert f"wsidecar.image.repository={repository}" in installed and words[-1] == words[5]
    assert pod_of(render(*installed[2:]))["initContainers"][0]["image"] == f"{repository}:{version}"


def test_the_values_of_the_chart_for_apps_are_taken(tmp_path):
    (block,) = blocks("k8s/charts/wsidecar-app/README.md")
    (tmp_path / "values.yaml").write_text(block.text)
    found = render("shop", K8S / "charts/wsidecar-app", "--values", tmp_path / "values.yaml")
    assert one(found, "Ingress")["spec"]["rules"][0]["host"] == "shop.example"
    assert config_of(found)["http"] == "pass" and config_of(found)["routes"] == [{"path": "/ws/{rest...}"}]


def test_a_chart_of_ones_own_is_made_of_the_blocks_of_the_librarys_page(tmp_path):
    dependency, deployment, values = blocks("k8s/charts/wsidecar/README.md")
    chart = tmp_path / "orders"
    shutil.copytree(HERE / "service-chart", chart, ignore=shutil.ignore_patterns("charts"))
    shutil.copytree(K8S / "charts/wsidecar", chart / "charts/wsidecar")
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (named,), (own,) = yaml.safe_load(dependency.text)["dependencies"], about["dependencies"]
    assert (named["name"], named["version"]) == (own["name"], own["version"])
    about["dependencies"] = [named]
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    (chart / "values.yaml").write_text(values.text)
    template = chart / "templates/deployment.yaml"
    head = template.read_text().partition("  template:\n")[0]
    # The page shows what has to do with wsidecar; a Deployment also has a label that selects its pods, and an image.
    text = deployment.text.replace("      labels:\n", "      labels:\n        app: orders\n").replace("- name: orders\n", "- name: orders\n          image: orders:7\n")
    template.write_text(head + text)
    found = render("shop", chart)
    pod = pod_of(found)
    assert [c["name"] for c in pod["initContainers"]] == ["wsidecar"] and pod["containers"][0]["lifecycle"]["preStop"]
    assert [v["name"] for v in pod["volumes"]] == ["wsidecar"] and pod["terminationGracePeriodSeconds"] == 62
    assert config_of(found)["routes"] == [{"path": "/ws/orders"}]
    for helper in re.findall(r'include "([\w.]+)"', (K8S / "charts/wsidecar/README.md").read_text()):
        assert any(f'define "{helper}"' in f.read_text() for f in (K8S / "charts/wsidecar/templates").iterdir()), helper


THEIRS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, labels: {wsidecar: enabled}}
spec:
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      initContainers: [{name: theirs, image: "init:1"}]
      containers: [{name: orders, image: "orders:7"}]
      volumes: [{name: theirs, emptyDir: {}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: other, image: "other:7"}]}
"""


def test_the_component_puts_the_sidecar_into_manifests_of_others(tmp_path):
    (block,) = [b for b in blocks("k8s/README.md") if "kind: Kustomization" in b.text]
    (tmp_path / "kustomization.yaml").write_text(block.text)
    (tmp_path / "theirs.yaml").write_text(THEIRS)
    (tmp_path / "wsidecar.yaml").write_text("redis: {url: redis://redis:6379/0}\n")
    shutil.copytree(K8S / "kustomize/component", tmp_path / "wsidecar/k8s/kustomize/component")
    found = objects(output(tool("kustomize"), "build", tmp_path))
    pod = one(found, "Deployment", "orders")["spec"]["template"]["spec"]
    base = one(objects(output(tool("kustomize"), "build", K8S / "kustomize/base")), "Deployment")["spec"]["template"]["spec"]
    (sidecar,) = base["initContainers"]
    sidecar["image"] = "registry.example/wsidecar:" + sidecar["image"].partition(":")[2]
    assert pod["initContainers"] == [sidecar, {"name": "theirs", "image": "init:1"}], "it starts first, and is the base's"
    assert pod["terminationGracePeriodSeconds"] == base["terminationGracePeriodSeconds"]
    assert pod["containers"][0]["lifecycle"] == base["containers"][0]["lifecycle"]
    config = one(found, "ConfigMap")["metadata"]["name"]
    assert re.fullmatch("wsidecar-[a-z0-9]+", config), "a changed configuration replaces the pods"
    volumes = {v["name"]: v for v in pod["volumes"]}
    assert set(volumes) == {"wsidecar", "theirs"} and volumes["wsidecar"]["projected"]["sources"][0]["configMap"]["name"] == config
    assert one(found, "Deployment", "other")["spec"]["template"]["spec"] == {"containers": [{"name": "other", "image": "other:7"}]}
