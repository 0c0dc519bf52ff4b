"""Renders of the charts: tests/k8s/cases/NAME.yaml are values, tests/k8s/golden/NAME.yaml what they come to.

A case's first lines may say `# chart: service-chart`, `# kubernetes: 1.28` and `# release: NAME`.
"""

import concurrent.futures
import os
import re

from k8s.tools import K8S, ROOT, helm

HERE = ROOT / "tests/k8s"
CHARTS = {"wsidecar-app": K8S / "charts/wsidecar-app", "service-chart": HERE / "service-chart"}


def cases():
    return sorted((HERE / "cases").glob("*.yaml"))


def said(case, what, default):
    found = re.search(rf"^# {what}: (\S+)$", case.read_text(), re.M)
    return found[1] if found else default


def template(case, kubernetes=None):
    """The render of a case, on a cluster of the version that it names or that is given."""
    done = helm("template", said(case, "release", "shop"), CHARTS[said(case, "chart", "wsidecar-app")], "--namespace", "web",
                "--kube-version", kubernetes or said(case, "kubernetes", "1.34"), "--values", case)
    assert done.returncode == 0, f"{case.name}: {done.stderr}"
    return done.stdout


def golden_renders():
    """(path, text) of all expected renders."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(zip([HERE / "golden" / c.name for c in cases()], pool.map(template, cases())))
