"""The cluster of tools/cluster, but nothing is started again by itself; every connection between the parts goes through links.py; the first shard has a standby; one more
server stands by."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.parse

import wires

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from cluster_tool import tool  # noqa: E402

SERVERS, SPARE = 3, 1
THIRD = "shard2"                 # the third shard's database
PORTS = 120                      # after the first one; the tool's own are below 40
OWN, LINKS, PER_SERVER = 40, 50, 16
READY_SECONDS, ADMIN_SECONDS = 60, 120
LIMITS = ("REQUESTS", "MESSAGES", "JOINS", "REGISTRATIONS", "LOGINS", "USER_LOGINS", "UPLOADS")
# What must not be in a server's log, whatever happens to it.
FAULTS = (r"ERROR: (Address|Leak)Sanitizer", r"runtime error:", r"(WARNING|ERROR): ThreadSanitizer", r"Assertion .* failed", r"damaged row", r"letter cannot be read",
          r"does not live in its shard", r"fence failed", r"message too large", r"level=error.* began=")
RABBITMQ = ROOT / "tools" / "with-rabbitmq"


class Shard(tool.Shard):
    """Its disk can be made slow. It ends with this process, and nothing of it stays."""

    def watch(self):
        tool.Postgres.watch(self)

    def start(self):
        self.folder.chmod(0o755)
        environment = {**os.environ, "LD_PRELOAD": os.environ["CHAOS_SLOWDISK"], "SLOWDISK_FILE": str(self.slow_file)}
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "-l", self.folder / "log", "start", env=environment)

    @property
    def slow_file(self):
        return self.folder / "slow"


class NotReady(Exception):
    pass


def socket_of(postgres):
    return str(postgres.folder / ".s.PGSQL.5432")


class Network:
    """links.py, told what to do."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, pathlib.Path(__file__).parent / "links.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)

    def tell(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "done\n":
            raise RuntimeError("links.py has ended")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Cluster(tool.Cluster):
    """`old`: the program of the first start, where it is another one: who is started again, or later, runs `binary`."""

    def __init__(self, folder, port, binary, old=""):
        self.wires, self.network, self.standby = wires.Wires(SERVERS + SPARE), Network(), None
        self.grown = self.all_know = False  # there is a third shard, a database of the second one's server; all servers have started with it
        self.hosts = ["shard1a", "shard1b"]  # the first shard's primary and standby
        pathlib.Path(folder).chmod(0o755)  # PostgreSQL has a user of its own
        super().__init__(tool.argparse.Namespace(folder=folder, port=port, servers=SERVERS + SPARE, binary=old or binary))
        self.binary, self.old = binary, old
        for i, server in enumerate(self.servers):
            server.command = [*self.wires.inside(i), *server.command]
        self.shards = [Shard(shard.folder) for shard in self.shards]
        self.rabbitmq = os.environ["WITH_RABBITMQ_FOLDER"]

    # --- where things are ---

    def link_port(self, server, name):
        names = ["redis", "shard1a", "shard1b", "shard2a", *(f"broker{n + 1}" for n in range(len(self.brokers.split())))]
        return self.port + LINKS + PER_SERVER * server + names.index(name)

    def settings(self, i):
        port = lambda name: f"{self.wires.host}:{self.link_port(i, name)}"  # noqa: E731
        brokers = self.brokers.split()
        third = f" postgresql://rookery@{port('shard2a')}/{THIRD}" if self.grown else ""
        given = {
            "SERVER_LISTEN": f"{self.wires.address(i)}:{self.port + OWN + i}", "SERVER_TRUSTED_PROXIES": f"127.0.0.1 {self.wires.host}",
            "REGISTRATION_ALLOW_PUBLIC_OPEN": "true", "STORE_URL": f"postgresql://rookery@{port('shard1a')},{port('shard1b')}/shard1 "
            f"postgresql://rookery@{port('shard2a')}/shard1{third}", "CACHE_URL": f"redis://:{self.secret()}@{port('redis')}",
            "BROKER_URL": " ".join(f"amqp://guest:guest@{port(f'broker{n + 1}')}" for n in range(len(brokers))),
            "PASSWORD_MEMORY_KIB": "1024", "PASSWORD_PASSES": "1", "WEB_PATH": "", **{f"LIMITS_{name}": "0" for name in LIMITS}}
        return {**super().settings(i), **{f"ROOKERY_{name}": value for name, value in given.items()}}

    def groups(self, i):
        """Of the links of server i: those to everything else, and those to the brokers."""
        return f"server{i}", f"brokers of server{i}"

    def connect(self):
        for i in range(len(self.servers)):
            others, brokers = self.groups(i)
            join = lambda name, at, to, group=others: self.network.tell(add=f"{name}/{i}", group=group, at=at, to=to)  # noqa: B023,E731
            add = lambda name, port, to, group=others: join(name, [self.wires.host, port], to, group)  # noqa: B023,E731
            join("front", ["127.0.0.1", self.server_ports[i]], [self.wires.address(i), self.port + OWN + i])
            add("redis", self.link_port(i, "redis"), ["127.0.0.1", self.redis_port])
            add("shard1a", self.link_port(i, "shard1a"), socket_of(self.shards[0]))
            add("shard1b", self.link_port(i, "shard1b"), socket_of(self.standby))
            add("shard2a", self.link_port(i, "shard2a"), socket_of(self.shards[1]))
            for n, url in enumerate(self.brokers.split()):
                add(f"broker{n + 1}", self.link_port(i, f"broker{n + 1}"), ["127.0.0.1", urllib.parse.urlsplit(url).port], brokers)

    # --- start and stop ---

    def start(self):
        for shard in self.shards:
            shard.open()
        self.standby = self.shards[0].standby()
        self.connect()
        for part in (self.redis, *self.servers[:SERVERS], self.balancer):
            part.start()
        for server in self.servers:
            server.command = [self.binary if word == self.old else word for word in server.command]
        self.wait_until_ready()

    def running(self):
        return [i for i, part in enumerate(self.servers) if part.process and part.process.poll() is None]

    def wait_until_ready(self):
        end = time.monotonic() + READY_SECONDS
        for i in self.running():
            while not tool.is_ready(self.server_ports[i]):
                if time.monotonic() > end:
                    raise NotReady(f"{self.servers[i].name} does not get ready within {READY_SECONDS} s\n{self.all_status()}")
                time.sleep(0.1)

    def close(self):
        try:
            super().stop()
            if self.standby:
                self.standby.close()
        finally:
            self.network.close()

    # --- for the faults ---

    def kill(self, i):
        self.servers[i].process.kill()
        self.servers[i].process.wait()

    def leave(self, i):
        """An orderly stop."""
        self.servers[i].stop()
        self.servers[i].wait()

    def cut(self, i, off):
        """The server and everything else do not reach each other."""
        if self.wires.real:
            self.wires.plug(i, not off)
        else:
            for group in self.groups(i):
                self.network.tell(group=group, cut=off)

    def cut_from_brokers(self, i, off):
        """By its links: the bytes wait."""
        self.network.tell(group=self.groups(i)[1], cut=off)

    def delay(self, i, seconds):
        for group in self.groups(i):
            self.network.tell(group=group, delay=seconds)

    def brokers_do(self, what, numbers):
        """At the same time: a node that was not the last to die waits for the others when it starts."""
        calls = [subprocess.Popen([RABBITMQ, "--in", self.rabbitmq, what, str(n + 1)]) for n in numbers]
        if any([call.wait() for call in calls]):
            raise RuntimeError(f"RabbitMQ: {what} failed")

    def admin(self, i, *arguments):
        """Asks server i, or with its settings."""
        done = subprocess.run([self.binary, "admin", *arguments], env=self.servers[i].environment, capture_output=True, text=True, timeout=ADMIN_SECONDS)
        if done.returncode:
            raise RuntimeError(f"rookery admin {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def status(self, i):
        return json.loads(self.admin(i, "status", "--no-shards", "--json"))

    def all_status(self):
        """For who reads why something did not come to its end."""
        told = []
        for i in self.running():
            try:
                told.append(f"{self.servers[i].name}: {self.admin(i, 'status')}")
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                told.append(f"{self.servers[i].name}: {e}")
        return "\n".join(told)

    def restart_one_by_one(self):
        for i in self.running():
            self.leave(i)
            self.servers[i].start()
            self.wait_until_ready()

    def grow(self):
        """A third shard, in all servers' settings, which are read when they start. What NotReady has cut off is done again by the next call."""
        if not self.grown:
            self.shards[1].new_database()
            self.grown = True
            for i, server in enumerate(self.servers):
                server.environment.update(self.settings(i))
            self.admin(0, "shard", "add")
        if not self.all_know:
            self.restart_one_by_one()
        self.all_know = True

    def move_slots(self, *which):
        return self.admin(0, "shard", "move", *which)

    def slots_of(self, shard):
        return json.loads(self.admin(0, "shard", "list", "--json"))[shard - 1]["slots"]

    def busiest(self):
        """The server that owns the most of the work: commands done so far."""
        return max(self.running(), key=self.commands)

    def commands(self, i):
        """Done by server i so far; 0 when it has only just been started, and does not answer."""
        try:
            here = self.status(i)["here"]
        except RuntimeError:
            return 0
        return here["commands"] + here["commands_inbound"]

    def lose_primary(self):
        """Of the first shard: its machine is gone, and the standby takes over."""
        self.shards[0].signal_all(signal.SIGKILL)
        (self.shards[0].data / "postmaster.pid").unlink()
        self.standby.promote()
        self.hosts.reverse()

    def new_standby(self):
        """In place of the one that was lost, where the servers look for that."""
        lost, self.shards[0] = self.shards[0], self.standby
        self.standby = self.shards[0].standby()
        tool.shutil.rmtree(lost.folder)
        for i in range(len(self.servers)):
            self.network.tell(of=f"{self.hosts[1]}/{i}", to=socket_of(self.standby))

    def faults_in_logs(self):
        """Of the servers: what must never be there."""
        found = []
        for part in self.servers:
            if part.log.exists():
                found += [f"{part.name}: {line}" for line in part.log.read_text(errors="replace").splitlines() if any(re.search(f, line) for f in FAULTS)]
        return found
