"""Validates objects against Kubernetes' own schemas; runs under the Python that has kubernetes-validate.

  validate.py < {"name": {"1.29": [object, ...]}}: prints what is wrong, one a line; exit code 1 then
"""

import functools
import json
import sys

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils
from referencing import Registry, Resource

WITHOUT_SCHEMA = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "HTTPRoute"}  # of other projects: node/custom.go checks them


@functools.lru_cache(None)
def validator(version, kind, api_version):
    directory = f"kubernetes-json-schema/v{version}.0-local-strict"
    group = api_version.split("/")[0].split(".")[0] + "-" + api_version.split("/")[1] if "/" in api_version else api_version
    schema = utils.schema_contents(f"{directory}/{kind.lower()}-{group}.json", version)
    registry = Resource.from_contents(schema) @ definitions(version, directory)
    return jsonschema.validators.Draft202012Validator(schema, registry=registry)


@functools.lru_cache(None)
def definitions(version, directory):
    return Resource.from_contents(utils.schema_contents(f"{directory}/_definitions.json", version)) @ Registry()


def main():
    assert kubernetes_validate
    bad = 0
    for name, versions in json.load(sys.stdin).items():
        for version, objects in versions.items():
            for o in objects:
                if o["kind"] in WITHOUT_SCHEMA:
                    continue
                for error in validator(version, o["kind"], o["apiVersion"]).iter_errors(o):
                    bad += 1
                    print(f"{name}: Kubernetes {version}: {o['kind']} {o['metadata']['name']}: "
                          f"{'/'.join(map(str, error.absolute_path))}: {error.message}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
