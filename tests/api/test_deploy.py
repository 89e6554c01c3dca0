"""What deploy/ gives to operators: it is accepted by the programs that it is for, it does what it says, and every series that it names is exported."""
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
import yaml

from harness import settings
from harness.client import Client, unique
from harness.deploy import DEPLOY, check_config, run

ALERTS, DASHBOARD = DEPLOY / "prometheus" / "alerts.yaml", DEPLOY / "grafana" / "rookery.json"
OURS = {"job", "instance"}  # labels that Prometheus gives
os.environ["PATH"] += os.pathsep + "/usr/sbin"  # where HAProxy and nginx are
FLOWS = "/_matrix/client/v3/login"  # GET asks nobody who it is


# --- what is watched ---

def alert_queries():
    return [(rule["alert"], rule["expr"]) for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def dashboard_queries():
    board = json.loads(DASHBOARD.read_text())
    variables = [(v["name"], re.fullmatch(r"label_values\((.*), \w+\)", v["query"])[1]) for v in board["templating"]["list"] if v["type"] == "query"]
    return variables + [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", [])]


def selectors(query):
    """The (series, {label: value}) of a PromQL expression; the value is None where it is not compared for equality with a constant."""
    words = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)|\[[^\]]*\]", " ", query)
    found = []
    for name, inside in re.findall(r'([a-zA-Z_:][\w:]*)\s*(\{(?:[^}"]|"[^"]*")*\})?(?!\s*\(|\w)', re.sub(r'(?<=[\s(])(and|or|unless|bool)(?=[\s(])', " ", words)):
        labels = re.findall(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"', inside)
        found.append((name, {label: value if how == "=" and "$" not in value else None for label, how, value in labels}))
    return found


def exported(client):
    """{series: [labels of each line]} of a server's /metrics."""
    series = {}
    for line in client.call("GET", "/metrics", token=None).body.decode().splitlines():
        name, inside = re.match(r"([\w:]+)(?:\{(.*)\})? ", line).groups() if not line.startswith("#") else (None, None)
        if name:
            series.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', inside or "")))
    return series


@pytest.fixture(scope="module")
def watched(shared):
    """The series of a server with which everything has happened once."""
    if shared.process is None:
        shared.start()
    alice = Client(shared).register(unique())
    alice.send(alice.create_room(), {"body": "x"})
    alice.sync()
    Client(shared).call("GET", ("account", "whoami"), token="nobody's", check=False)
    return {**exported(Client(shared)), "up": [{}]}


def test_how_queries_are_read():
    assert selectors('sum by (a, b) (rate(x_total{a="1", b=~"$i"}[5m])) > 0.5 * max(y) and on (a) z{c!="}"}') == [
        ("x_total", {"a": "1", "b": None}), ("y", {}), ("z", {"c": None})]


@pytest.mark.parametrize("what, query", alert_queries() + dashboard_queries())
def test_queries_name_series_that_are_exported(watched, what, query):
    names = selectors(query)
    assert names, query
    for name, labels in names:
        assert name in watched, f"{what}: no server exports {name}"
        for label, value in labels.items():
            values = {line.get(label) for line in watched[name]}
            assert label in OURS or values != {None}, f"{what}: {name} has no label {label}"
            if value and label not in OURS:
                assert value in values or (label == "status" and value in {f"{n}xx" for n in range(1, 6)}), f"{what}: {label} of {name} is never {value}"


def test_alerts():
    run("promtool", "check", "rules", ALERTS)
    run("promtool", "test", "rules", "alerts.test.yaml", cwd=ALERTS.parent)
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            assert {"summary", "description"} <= set(rule["annotations"]) and rule["labels"]["severity"] in ("warning", "critical")


def test_panels_do_not_overlap():
    places = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places and at["x"] + at["w"] <= 24, panel["title"]
        places |= cells


# --- load balancers ---

class Balancer:
    """A program of deploy/ with a configuration of ours: other ports, certificate and servers, all else as it is there."""

    def __init__(self, folder, file, replace, command):
        self.folder, self.process = folder, None
        text = (DEPLOY / file).read_text()
        for old, new in replace.items():
            assert old in text, f"{file} has no {old}"
            text = text.replace(old, new)
        if os.geteuid():
            text = re.sub(r"^ *(user|group) haproxy\n", "", text, flags=re.M)
        self.config = folder / file
        self.config.write_text(text)
        self.command = [str(self.config) if word == "CONFIG" else word for word in command]

    def start(self, port):
        with open(self.folder / "access.log", "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        pytest.fail(f"{self.command} does not listen: {(self.folder / 'access.log').read_text()}")

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


def free_ports(count):
    taken = [socket.socket() for _ in range(count)]
    for s in taken:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in taken]
    for s in taken:
        s.close()
    return ports


def make_certificate(folder):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem")
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())


@pytest.fixture
def certificate(tmp_path):
    make_certificate(tmp_path)
    return tmp_path


def haproxy(folder, ports, servers):
    """HAProxy before three servers; the third one is never there."""
    plain, tls, operator, nobody = ports
    return Balancer(folder, "haproxy.cfg", {
        "bind :80\n": f"bind 127.0.0.1:{plain}\n", "bind :443 ": f"bind 127.0.0.1:{tls} ", "127.0.0.1:8404": f"127.0.0.1:{operator}",
        "/etc/haproxy/certs/rookery.pem": f"{folder}/both.pem", "/run/haproxy/admin.sock mode 660": f"{folder}/admin.sock mode 600",
        **{f"rookery{i + 1}:8008": f"127.0.0.1:{server.port if server else nobody}" for i, server in enumerate([*servers, None])},
    }, ["haproxy", "-f", "CONFIG"])


def nginx(folder, ports, servers):
    plain, tls, _, nobody = ports
    return Balancer(folder, "nginx.conf", {
        "listen 80;": f"listen 127.0.0.1:{plain};", "listen [::]:80;": "", "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl", "listen [::]:443 ssl http2;": "",
        "worker_processes auto;": "worker_processes 1; daemon off;", "worker_rlimit_nofile 200000;": "", "worker_connections 65536;": "worker_connections 512;",
        "/run/nginx.pid": f"{folder}/nginx.pid", "/var/log/nginx/access.log": f"{folder}/access.log", "/var/log/nginx/error.log": f"{folder}/error.log",
        "/etc/nginx/certs/rookery.crt": f"{folder}/cert.pem", "/etc/nginx/certs/rookery.key": f"{folder}/key.pem",
        **{f"rookery{i + 1}:8008": f"127.0.0.1:{server.port if server else nobody}" for i, server in enumerate([*servers, None])},
    }, ["nginx", "-e", f"{folder}/error.log", "-c", "CONFIG"])


def ask(folder, port, path, *more, user=None):
    """(status, HTTP version) of a request through the balancer."""
    token = ["-H", f"Authorization: Bearer {user}"] if user else []
    out = run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "--max-time", "30", "--cacert", folder / "cert.pem", "--resolve",
              f"localhost:{port}:127.0.0.1", *token, *more, f"https://localhost:{port}{path}")
    status, version = out.split()
    return int(status), version


def answered(server):
    """How many requests of that path the server has answered."""
    return sum(int(line.rpartition(" ")[2]) for line in Client(server).call("GET", "/metrics", token=None).body.decode().splitlines()
               if line.startswith("rookery_http_requests_total{") and f'endpoint="{FLOWS}"' in line and 'method="GET"' in line)


@pytest.mark.parametrize("make", [haproxy, nginx])
def test_load_balancer(own_server, certificate, make):
    servers = [own_server({("server", "trusted_proxies"): "127.0.0.1"}) for _ in range(2)]
    ports = free_ports(4)
    plain, tls = ports[:2]
    balancer = make(certificate, ports, servers)
    run(*balancer.command, "-c" if make is haproxy else "-t")
    balancer.start(tls)
    try:
        assert ask(certificate, tls, FLOWS) == (200, "2")
        assert ask(certificate, tls, FLOWS, "--http1.1") == (200, "1.1")
        assert ask(certificate, tls, "/metrics") == (404, "2")
        moved = run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://127.0.0.1:{plain}/x?y")
        assert re.fullmatch(r"308 https://127\.0\.0\.1(:\d+)?/x\?y", moved), moved
        stays_with_its_server(certificate, tls, servers)
        one_dies(certificate, tls, servers)
        log_has_no_token(balancer)
    finally:
        balancer.stop()


def stays_with_its_server(folder, port, servers):
    """All devices of a user come to the same server; users are spread over both."""
    used = set()
    for user in range(12):
        before = [answered(s) for s in servers]
        for device in range(3):
            assert ask(folder, port, FLOWS, user=f"rk_user{user}.device{device}")[0] == 200
        came = [answered(s) - b for s, b in zip(servers, before)]
        assert sorted(came) == [0, 3], came
        used.add(came.index(3))
    assert used == {0, 1}


def one_dies(folder, port, servers):
    """Nobody is refused, whoever it was with; and the dead one is used again when it is back."""
    servers[0].kill9()
    for user in range(12):
        assert ask(folder, port, FLOWS, user=f"rk_user{user}.x")[0] == 200
        assert ask(folder, port, FLOWS, "-d", "{}", user=f"rk_user{user}.x")[0] == 400  # a POST that had not been sent yet
    servers[0].start()
    end, before = time.monotonic() + 30, answered(servers[0])
    while answered(servers[0]) == before:
        assert time.monotonic() < end, "the server that came back is not used"
        for user in range(12):
            assert ask(folder, port, FLOWS, user=f"rk_user{user}.x")[0] == 200


def log_has_no_token(balancer):
    log = (balancer.folder / "access.log").read_text()
    assert FLOWS in log and "rk_user" not in log, log


def test_haproxy_drains(own_server, certificate):
    servers = [own_server({("server", "trusted_proxies"): "127.0.0.1"}) for _ in range(2)]
    ports = free_ports(4)
    balancer = haproxy(certificate, ports, servers).start(ports[1])

    def say(command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(certificate / "admin.sock"))
            s.sendall(command.encode() + b"\n")
            return s.recv(10000).decode()

    try:
        until((certificate / "admin.sock").exists, "HAProxy takes commands")
        say("set server rookery/rookery1 state drain")
        before = answered(servers[0])
        for user in range(12):
            assert ask(certificate, ports[1], FLOWS, user=f"rk_user{user}.x")[0] == 200
        assert answered(servers[0]) == before
        assert "haproxy_" in run("curl", "-s", f"http://127.0.0.1:{ports[2]}/metrics")
    finally:
        balancer.stop()


def test_haproxy_looks_names_up(certificate):
    """In the DNS only where that is asked for: it does not know /etc/hosts, and servers whose names it does not know would be given up after a while."""
    balancer = haproxy(certificate, free_ports(4), [None, None])
    inside = re.search(r"^\.if defined\((\w+)\)\n(.*?)^\.endif$", balancer.config.read_text(), re.M | re.S)
    assert "resolvers" in inside[2] and not re.search(r"^ .*\bresolvers\b", balancer.config.read_text().replace(inside[0], ""), re.M)
    run(*balancer.command, "-c")
    run(*balancer.command, "-c", env={**os.environ, inside[1]: "yes"})
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    assert inside[1] in compose["services"]["haproxy"]["environment"]


def test_haproxy_speaks_tls_to_servers(own_server, certificate):
    """What the file says of servers that have certificates: the words are enough, health checks included, and one that is not known is not used."""
    words = re.search(r"^ *#   (ssl verify required ca-file \S+ verifyhost) rookery1$", (DEPLOY / "haproxy.cfg").read_text(), re.M)[1]
    known = own_server({("tls", "certificate"): certificate / "cert.pem", ("tls", "key"): certificate / "key.pem"})
    other = certificate / "other"
    other.mkdir()
    make_certificate(other)
    unknown = own_server({("tls", "certificate"): other / "cert.pem", ("tls", "key"): other / "key.pem"})
    ports = free_ports(4)
    balancer = haproxy(certificate, ports, [known, unknown])
    text = balancer.config.read_text()
    text, lines = re.subn(r"^    server rookery\d \S+$", rf"\g<0> {words.replace('/etc/rookery/ca.pem', str(certificate / 'cert.pem'))} localhost", text, flags=re.M)
    assert lines == 6
    balancer.config.write_text(text)
    balancer.start(ports[1])
    try:
        until(lambda: {ask(certificate, ports[1], FLOWS, user=f"rk_user{n}.x")[0] for n in range(12)} == {200}, "the known one answers for all")
    finally:
        balancer.stop()


class Stub(http.server.ThreadingHTTPServer):
    """A server that is ready or not, answers at once or after a while, or falls silent."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), StubHandler)
        self.port, self.ready, self.silent, self.came, self.go_on = self.server_address[1], True, False, 0, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Who is cut off is gone."""


class StubHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        stub = self.server
        if stub.silent:
            stub.go_on.wait(60)
        if self.path.startswith("/health/"):
            self.send_response(503 if self.path == "/health/ready" and not stub.ready else 200)
        else:
            stub.came += 1
            if self.path == "/slow":
                stub.go_on.wait(60)
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def until(holds, what):
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_haproxy_and_servers_that_are_not_ready(certificate):
    """Nothing new for who is not ready, but what waits there goes on; when nobody is, they answer themselves; who is silent is cut off."""
    stubs = [Stub(), Stub()]
    ports = free_ports(4)
    balancer = haproxy(certificate, ports, stubs).start(ports[1])
    ask_all = lambda: [ask(certificate, ports[1], "/", user=f"rk_user{n}.x")[0] for n in range(12)]  # noqa: E731

    def comes_only_to(stub):
        other = stubs[stub is stubs[0]]
        before = other.came
        ask_all()
        return other.came == before

    def states():
        table = run("curl", "-s", f"http://127.0.0.1:{ports[2]}/;csv")
        return re.findall(r"^rookery,rookery[12],(?:[^,]*,){15}([^,]*)", table, re.M)

    slow = lambda n: subprocess.Popen(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-k", "-H", f"Authorization: Bearer rk_user{n}.x",  # noqa: E731
                                       f"https://127.0.0.1:{ports[1]}/slow"], stdout=subprocess.PIPE, text=True)
    try:
        ask_all()
        assert all(stub.came for stub in stubs)
        waiting = [slow(n) for n in range(12)]
        until(lambda: sum(stub.came for stub in stubs) == 24, "slow requests arrive")
        stubs[0].ready = False
        until(lambda: comes_only_to(stubs[1]), "a server that is not ready gets nothing new")
        stubs[1].ready = False
        until(lambda: not comes_only_to(stubs[0]) and not comes_only_to(stubs[1]), "when none is ready all are asked")
        for _ in range(5):
            assert ask_all() == [200] * 12, "the third, which is dead, is not asked, or another one after it"
        stubs[0].ready = stubs[1].ready = True
        assert all(w.poll() is None for w in waiting), "what waited went on waiting"
        for stub in stubs:
            stub.go_on.set()
        assert [w.communicate(timeout=30)[0] for w in waiting] == ["200"] * 12
        stubs[0].go_on.clear()
        stubs[1].go_on.clear()
        until(lambda: states() == ["UP", "UP"], "both are used again")
        stubs[0].came = stubs[1].came = 0
        waiting = [slow(n) for n in range(12)]
        until(lambda: stubs[0].came + stubs[1].came == 12, "slow requests arrive")
        assert stubs[0].came
        stubs[0].silent, began = True, time.monotonic()
        until(lambda: stubs[1].came == 12 or any(w.poll() is not None for w in waiting), "who waits at a server that has fallen silent is moved, or told")
        assert time.monotonic() - began < 10
        assert ask_all() == [200] * 12
    finally:
        balancer.stop()
        for stub in stubs:
            stub.go_on.set()
            stub.shutdown()


# --- the rest ---

def test_yaml_is_yaml():
    for file in [*DEPLOY.rglob("*.yaml")]:
        documents = list(yaml.safe_load_all(file.read_text()))
        assert documents and all(documents), file


def test_cluster_configuration(certificate):
    copy = certificate / "cluster.conf"
    copy.write_text((DEPLOY / "cluster.conf").read_text().replace("/etc/rookery/ca.pem", str(certificate / "cert.pem")))
    check_config(copy)


def test_systemd_unit(tmp_path):
    """Alone, and as a server of a cluster; neither may do much, and neither is ever given up."""
    unit, beside = tmp_path / "rookery.service", tmp_path / "rookery.service.d" / "cluster.conf"
    unit.write_text((DEPLOY / "rookery.service").read_text().replace("@PREFIX@/bin/rookery", "/bin/true").replace("@SYSCONFDIR@", "/etc"))
    assert "\nStartLimitIntervalSec=0\n" in unit.read_text(), "five ends in ten seconds, while the database is away, would be the last"
    for of_cluster in (False, True):
        if of_cluster:
            beside.parent.mkdir()
            beside.write_text((DEPLOY / "rookery-cluster.conf").read_text())
        done = subprocess.run(["systemd-analyze", "verify", unit], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        ours = [line for line in done.stdout.splitlines() if "rookery" in line and "man " not in line]
        assert not ours, done.stdout
        run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit)
