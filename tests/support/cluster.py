"""A Redis Cluster of the test's own: three masters, and a replica for each where it is asked for."""

import subprocess

import redis

from support.redis_server import Redis, free_port
from support.waiting import wait_until


class Cluster:
    def __init__(self, replicas=0, **options):
        self.nodes = []
        for _ in range(3 * (1 + replicas)):
            self.nodes.append(Redis(cluster_enabled="yes", cluster_port=free_port(), cluster_config_file="nodes.conf",
                                    cluster_node_timeout="1500", cluster_replica_validity_factor="0", **options))
        addresses = [f"127.0.0.1:{n.port}" for n in self.nodes]
        subprocess.run(["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", str(replicas), "--cluster-yes"], check=True,
                       capture_output=True, timeout=60)
        for node in self.nodes:
            wait_until(lambda n=node: n.client().cluster("info")["cluster_state"] == "ok", 20, "the cluster")

    @property
    def url(self):
        return self.nodes[0].url

    def client(self):
        """By any node that lives."""
        alive = [redis.cluster.ClusterNode("127.0.0.1", n.port) for n in self.nodes if n.process is not None]
        return redis.RedisCluster(startup_nodes=alive, cluster_error_retry_attempts=30, socket_timeout=5)

    def node_of(self, slot):
        """The master that has the slot."""
        for node in self.nodes:
            if node.process is not None and node.alive():
                for first, last, master, *_ in node.client().execute_command("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return next(n for n in self.nodes if n.port == master[1])
        raise AssertionError("no node knows who has the slot")

    def replica_of(self, master):
        master_id = master.client().execute_command("CLUSTER", "MYID").decode()
        for node in self.nodes:
            if node is not master and node.process is not None and node.alive():
                info = node.client().info("replication")
                if info["role"] == "slave" and info["master_port"] == master.port:
                    return node
        raise AssertionError(f"no replica of {master_id}")

    def move(self, slot, target):
        """As redis-cli --cluster reshard does it, key by key, while it is in use."""
        source = self.node_of(slot)
        ids = {n: n.client().execute_command("CLUSTER", "MYID").decode() for n in (source, target)}
        target.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        source.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        while True:
            found = source.client().execute_command("CLUSTER", "GETKEYSINSLOT", slot, 50)
            if not found:
                break
            source.client().execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *found)
        for node in (target, source, *[n for n in self.nodes if n not in (source, target)]):
            if node.process is not None and node.client().info("replication")["role"] == "master":
                node.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[target])

    def close(self):
        for node in self.nodes:
            node.close()
