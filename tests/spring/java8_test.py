"""The half of the library for Spring Boot 2.7 and Tomcat 9 runs on Java 8: the compiler knows no newer API, and writes classes that Java 8 reads."""

import os
import struct
import subprocess
import xml.etree.ElementTree as xml
import zipfile

import pytest

from support.pod import ROOT

POM = "{http://maven.apache.org/POM/4.0.0}"
JAVA = os.path.join(ROOT, "sidecar", "java")
JAVA_8 = 52


def properties(path):
    """Of a pom.xml: its own, over those of its parent."""
    own = xml.parse(os.path.join(path, "pom.xml")).getroot()
    above = properties(os.path.dirname(path)) if own.find(f"{POM}parent") is not None else {}
    return above | {p.tag.replace(POM, ""): p.text for p in own.findall(f"{POM}properties/*")}


@pytest.mark.parametrize("module, release", [("core", "8"), ("javax", "8"), ("jakarta", "17")])
def test_the_compiler_knows_the_api_of_this_release_only(module, release):
    said = properties(os.path.join(JAVA, module))
    assert said["maven.compiler.release"] == release
    assert not {"maven.compiler.source", "maven.compiler.target"} & set(said)  # with these it would take newer methods


def test_a_newer_method_does_not_compile(tmp_path):
    """What `release` of the poms does: the same compiler refuses String.isBlank, which is of Java 11."""
    release = properties(os.path.join(JAVA, "javax"))["maven.compiler.release"]
    source = tmp_path / "Newer.java"
    source.write_text("class Newer { boolean of(String s) { return s.isBlank(); } }", encoding="utf-8")
    done = subprocess.run(["javac", "--release", release, "-d", str(tmp_path), str(source)], capture_output=True, text=True)
    assert done.returncode == 1 and "isBlank" in done.stderr, done.stderr
    assert subprocess.run(["javac", "-d", str(tmp_path), str(source)], capture_output=True).returncode == 0


def test_the_classes_are_those_of_java_8(generation):
    seen = 0
    for module in ("wsidecar-core", "wsidecar-javax"):
        version = xml.parse(os.path.join(JAVA, "pom.xml")).getroot().find(f"{POM}version").text
        with zipfile.ZipFile(os.path.join(ROOT, "build", "java", module, f"{module}-{version}.jar")) as jar:
            for name in jar.namelist():
                if name.endswith(".class"):
                    assert struct.unpack(">H", jar.read(name)[6:8])[0] == JAVA_8, name
                    seen += 1
    assert seen > 60
