"""The cables. Called by root everything runs in a network namespace of its own, and each server in one more; all are plugged into one bridge, and a server that is
cut off is unplugged: packets get lost, TCP sends them again, names of neighbours are forgotten. Where that is not allowed, links.py holds the bytes back instead."""
import os
import pathlib
import shutil
import subprocess
import sys

INSIDE = "CHAOS_WIRES"  # in the environment: all of it is in namespaces of its own
NETNS = pathlib.Path("/run/netns")
HOST, PREFIX = "10.99.0.1", 24
BEGIN = f"""mkdir -p {NETNS} && mount -t tmpfs tmpfs {NETNS} && ip link set lo up && ip link add switch type bridge && ip address add {HOST}/{PREFIX} dev switch &&
ip link set switch up && exec "$@\""""  # the mount is seen by us alone


def enter():
    """Runs this program again in namespaces of its own, if it may."""
    here = ["unshare", "--net", "--mount", "--", "sh", "-c", BEGIN, "sh"]
    if INSIDE in os.environ or os.geteuid() or not shutil.which("ip") or subprocess.run([*here, "true"], capture_output=True).returncode:
        return
    os.environ[INSIDE] = "1"
    os.execvp(here[0], [*here, sys.executable, *sys.argv])


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Wires:
    """For `count` servers. Nothing of it is left when the last process in these namespaces has ended."""

    def __init__(self, count):
        self.real = INSIDE in os.environ
        if not self.real:
            return
        for i in range(count):
            ip("netns", "add", f"server{i}")
            ip("link", "add", f"cable{i}", "type", "veth", "peer", "name", "eth0", "netns", f"server{i}")
            ip("link", "set", f"cable{i}", "master", "switch", "up")
            for words in (["address", "add", f"{self.address(i)}/{PREFIX}", "dev", "eth0"], ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]):
                ip("-n", f"server{i}", *words)

    @property
    def host(self):
        """Where servers find everything else."""
        return HOST if self.real else "127.0.0.1"

    def address(self, i):
        return f"10.99.0.{10 + i}" if self.real else "127.0.0.1"

    def inside(self, i):
        """What a command of server i begins with."""
        return ["ip", "netns", "exec", f"server{i}"] if self.real else []

    def plug(self, i, plugged):
        ip("link", "set", f"cable{i}", *(["master", "switch"] if plugged else ["nomaster"]))
