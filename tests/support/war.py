"""WARs in a Tomcat of their own: 9 with javax, 10 with jakarta. Their settings are system properties."""

import os
import shutil
import zipfile

from support import spring
from support.kept import SECRET
from support.pod import ROOT

TOMCAT = ("tomcat-embed-", "jakarta.annotation-api", "javax.annotation-api")


class War(spring.Replica):
    """One Tomcat with one WAR, whose libraries are those that the test's module was built with."""

    def __init__(self, generation, webapp, redis, directory, port=0, context="", libraries=lambda name: name.startswith("wsidecar-"), arguments=()):
        root = os.path.join(directory, webapp)
        server = os.path.join(directory, "server")
        os.makedirs(os.path.join(server, "lib"), exist_ok=True)
        if not os.path.exists(root):
            shutil.copytree(os.path.join(ROOT, "tests", "spring", "kept", "war", f"webapp-{webapp}"), root)
            self._unpack(generation, root, server, libraries)
        self.lines = []
        self._port = None
        self.arguments = arguments
        settings = {"signing-secret": SECRET, "redis": f"redis://127.0.0.1:{redis.port}/0", "admin": ""}
        properties = [f"-Dwsidecar.{k}={v}" for k, v in settings.items()] + list(arguments)
        classpath = os.pathsep.join([server, os.path.join(server, "lib", "*")])
        self.process = spring.subprocess.Popen(
            [*spring.JVM, *properties, "-cp", classpath, "com.example.deploy.Deploy", root, str(port), context], stdout=spring.subprocess.PIPE,
            stderr=spring.subprocess.STDOUT, stdin=spring.subprocess.DEVNULL, env=spring.clean_environment())
        self._reader = spring.threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @staticmethod
    def _unpack(generation, root, server, libraries):
        jar = os.path.join(ROOT, "build", "spring", generation, "kept-war", "kept-war.jar")
        with zipfile.ZipFile(jar) as z:
            for name in z.namelist():
                base = os.path.basename(name)
                if name.startswith("BOOT-INF/lib/") and base:
                    to = os.path.join(server, "lib") if base.startswith(TOMCAT) else os.path.join(root, "WEB-INF", "lib")
                    if base.startswith(TOMCAT) or libraries(base):
                        os.makedirs(to, exist_ok=True)
                        with open(os.path.join(to, base), "wb") as f:
                            f.write(z.read(name))
                elif name.startswith("BOOT-INF/classes/com/example/") and base and ("/config/" not in name or root.endswith("config")):
                    deploy = "/deploy/" in name
                    to = os.path.join(server if deploy else os.path.join(root, "WEB-INF", "classes"), name[len("BOOT-INF/classes/"):])
                    os.makedirs(os.path.dirname(to), exist_ok=True)
                    with open(to, "wb") as f:
                        f.write(z.read(name))
