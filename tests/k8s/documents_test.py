"""The command of the first page installs what it says."""

import shlex

import yaml

from k8s.tools import ROOT, output, tool
from support.markdown import blocks


def test_the_first_page_installs_an_app_with_its_sidecar():
    lines = [line for b in blocks("README.md") if b.language == "sh" for line in b.text.splitlines() if line.startswith("helm ")]
    assert len(lines) == 1
    words = shlex.split(lines[0])
    assert words[:3] == ["helm", "install", "shop"]
    rendered = output(tool("helm"), "template", *words[2:], "--namespace", "web", "--kube-version", "1.34", cwd=ROOT)
    objects = [o for o in yaml.safe_load_all(rendered) if o]
    pod = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]["spec"]
    assert [c["name"] for c in pod["initContainers"]] == ["wsidecar"] and [c["image"] for c in pod["containers"]] == ["shop:1"]
    config = next(o for o in objects if o["kind"] == "ConfigMap" and "wsidecar.yaml" in o["data"])["data"]["wsidecar.yaml"]
    assert yaml.safe_load(config)["redis"]["url"] == "redis://redis:6379/0"
