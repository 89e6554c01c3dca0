"""deploy/'s Dockerfile, Compose file and Kubernetes manifests, as far as they can be held against the program and the packages without a registry."""
import os
import re
import resource
import socket
import subprocess
import time

import pytest
import yaml

from harness import settings
from harness.deploy import DEPLOY, check_config, is_setting, run

HAND_OVER_SECONDS = 5  # HAND_OVER_MS in src/main/serve.c
DOCKERFILE = DEPLOY / "Dockerfile"


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|m)?", str(text)).groups()
    return int(number) * (60 if unit == "m" else 1)


# --- the image ---

def instructions():
    """[(word, rest)] of the Dockerfile, lines that go on made one."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def said(word):
    return [rest for w, rest in instructions() if w == word]


def user_number():
    return int(said("USER")[-1])


def test_both_stages_are_the_same_debian():
    release = {re.match(r"debian:(\d+)", image)[1] for image in said("FROM")}
    assert len(release) == 1, said("FROM")


def test_the_context_has_what_is_built():
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    tracked = run("git", "-C", settings.ROOT, "ls-files").split()
    for pattern in left_out:
        name = pattern.removeprefix("**/")
        assert not [f for f in tracked if f == name or f.startswith(name + "/")], f"{pattern} leaves out what is in the repository"
    for words in re.findall(r"tools/\S+", " ".join(said("RUN"))):
        assert words in tracked, words


def test_libraries_become_packages(tmp_path):
    """The step that finds the packages, literally, with the program of this build."""
    step = next(rest for rest in said("RUN") if "ldd" in rest)
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "bin" / "rookery").symlink_to(settings.binary())
    run("bash", "-c", step.replace("/out/", f"{tmp_path}/"))
    found = set((tmp_path / "packages").read_text().split())
    development = set(run(settings.ROOT / "tools" / "install-deps", "--list", "run").split())
    assert {"libc6", "libgd3", "librocksdb7.8", "libpq5", "libuv1"} <= found and not development & found, found
    assert run("dpkg-query", "-W", "-f", "${db:Status-Status}\n", *found).split() == ["installed"] * len(found)


def test_the_image_runs_as_what_it_says(tmp_path):
    users = re.findall(r"useradd .*?--uid (\d+)", " ".join(said("RUN")))
    assert users == [str(user_number())] and user_number() >= 1000
    settings_given = dict(pair.split("=", 1) for rest in said("ENV") for pair in rest.split())
    assert all(is_setting(name) for name in settings_given)
    assert said("EXPOSE") == [settings_given["ROOKERY_SERVER_LISTEN"].rpartition(":")[2]]
    folder = said("WORKDIR")[-1]
    assert said("VOLUME") == [folder] and f"{folder} " in next(rest for rest in said("RUN") if "install -d" in rest)
    # Without a decision who may register it does not start, and says so.
    done = subprocess.run([settings.binary(), "serve"], cwd=tmp_path, env={"PATH": os.environ["PATH"], **settings_given}, capture_output=True, text=True)
    assert done.returncode == 2 and "[registration]" in done.stderr, done.stderr


def health_check(server, **environment):
    command = yaml.safe_load(re.search(r"CMD (\[.*\])", said("HEALTHCHECK")[0])[1])
    assert command[0] == "rookery"
    return subprocess.run([settings.binary(), *command[1:]], cwd=server.folder, env={**server._environment(), **environment}, capture_output=True, text=True)


def test_health_check(own_server):
    """The image's: it finds the server where the server's own settings say, and fails when there is none."""
    server = own_server()
    done = health_check(server)
    assert done.returncode == 0 and "0-63" in done.stdout
    server.stop()
    assert health_check(server).returncode == 1


def test_the_health_check_asks_no_database(own_server):
    """Who is asked here never answers: containers stay healthy while a database is away, and none is asked by all of them every few seconds."""
    with socket.create_server(("127.0.0.1", 0)) as database:
        done = health_check(own_server(), ROOKERY_STORE_URL=f"postgresql://rookery@127.0.0.1:{database.getsockname()[1]}/rookery")
        assert done.returncode == 0 and "shard" not in done.stdout
        database.setblocking(False)
        with pytest.raises(BlockingIOError):
            database.accept()


def test_open_files(own_server):
    """A server takes as many as it may: where a container begins with 1,024, that would be a thousand clients."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    try:
        server = own_server()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE) == (most, most)


# --- Compose ---

def compose():
    return yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())


def example():
    return dict(line.split("=", 1) for line in (DEPLOY / "compose" / "example.env").read_text().splitlines() if not line.startswith("#"))


def filled(text):
    """As Compose does it."""
    return re.sub(r"\$\$|\$\{(\w+)(?::\?[^}]*)?\}", lambda m: example()[m[1]] if m[1] else "$", text)


def test_compose():
    services = compose()["services"]
    environment = {name: filled(value) for name, value in services["rookery1"]["environment"].items()}
    assert all(is_setting(name) for name in environment)
    check_config("/dev/null", **environment)
    for name in ("ROOKERY_STORE_URL", "ROOKERY_BROKER_URL", "ROOKERY_CACHE_URL"):
        hosts = set(re.findall(r"@([\w]+)", environment[name]))
        assert hosts and hosts <= set(services)
        assert all(hosts <= set(services[f"rookery{n}"]["depends_on"]) for n in (1, 2, 3))
    assert {f"rookery{n}" for n in (1, 2, 3)} == set(re.findall(r"(\w+):8008", (DEPLOY / "haproxy.cfg").read_text())) <= set(services)


def test_compose_files_and_volumes():
    services, volumes = compose()["services"], set()
    ours = (DEPLOY / "compose" / ".gitignore").read_text().split()
    for source, _, target in (v.partition(":") for s in services.values() for v in s.get("volumes", [])):
        if not source.startswith("."):
            volumes.add(source)
        elif source != "./rookery.pem":
            assert (DEPLOY / "compose" / source).is_file(), f"{source} for {target}"
    assert volumes == set(compose()["volumes"])
    assert "*.pem" in ours and ".env" in ours, "secrets are not committed"
    media = {v for n in (1, 2, 3) for v in services[f"rookery{n}"]["volumes"]}
    assert media == {f"media:{services['rookery1']['environment']['ROOKERY_MEDIA_PATH']}"}, "all servers share it"
    assert "/media" in " ".join(said("RUN")), "a volume has the owner that its folder has in the image"


def test_compose_waits_for_all_queues():
    """Queues that are made before all nodes are there have fewer replicas."""
    services = compose()["services"]
    nodes = [name for name, s in services.items() if s["image"].startswith("rabbitmq:")]
    known = re.findall(r"^cluster_formation\.classic_config\.nodes\.\d = rabbit@(\w+)$", (DEPLOY / "compose" / "rabbitmq.conf").read_text(), re.M)
    assert sorted(known) == sorted(nodes) and all(services[n]["hostname"] == n for n in nodes)
    for name in nodes:
        check = services[name]["healthcheck"]["test"]
        assert check[check.index("await_online_nodes") + 1] == str(len(nodes))
        assert all(services[f"rookery{n}"]["depends_on"][name] == {"condition": "service_healthy"} for n in (1, 2, 3))


def test_compose_stops_in_time():
    server = compose()["services"]["rookery1"]
    needed = max(seconds(server["environment"]["ROOKERY_SERVER_DRAIN"]), HAND_OVER_SECONDS) + seconds(default_of("server", "shutdown_grace"))
    assert seconds(server["stop_grace_period"]) > needed


def default_of(section, name):
    text = run(settings.binary(), "print-config", env={"PATH": os.environ["PATH"]})
    return re.search(rf"^\[{section}\](?:\n(?!\[).*)*?\n#{name} = (.*)$", text, re.M)[1]


def answers(path):
    """The socket is there a moment before anybody listens."""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


def redis_asks(path, *words):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words)]))
        return s.recv(1000).decode()


def test_compose_redis(tmp_path):
    """What the shell makes of the command: Redis, with the password, which is no argument; and signals reach it, since it is the shell's process."""
    redis = compose()["services"]["redis"]
    shell, option, text = redis["command"]
    path = tmp_path / "socket"
    text = filled(text).replace("docker-entrypoint.sh ", "").replace("redis-server -", f"redis-server - --port 0 --unixsocket {path} --dir {tmp_path}")
    password = filled(redis["environment"]["REDIS_PASSWORD"])
    process = subprocess.Popen([shell, option, text], env={"PATH": os.environ["PATH"], "REDIS_PASSWORD": password}, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not answers(path):
            assert process.poll() is None and time.monotonic() < end, "Redis does not start"
            time.sleep(0.02)
        assert os.readlink(f"/proc/{process.pid}/exe").endswith(("redis-server", "redis-check-rdb"))
        assert password not in open(f"/proc/{process.pid}/cmdline").read()
        assert redis_asks(path, "GET", "x").startswith("-NOAUTH") and redis_asks(path, "AUTH", password) == "+OK\r\n"
    finally:
        process.terminate()
        assert process.wait(30) == 0


# --- Kubernetes ---

def manifests():
    folder = DEPLOY / "kubernetes"
    return [d for file in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"] for d in yaml.safe_load_all((folder / file).read_text())]


def find(kind, name="rookery"):
    return next(p for p in manifests() if (p["kind"], p["metadata"]["name"]) == (kind, name))


def pod():
    return find("Deployment")["spec"]["template"]["spec"]


def container():
    return pod()["containers"][0]


def configuration():
    """{(section, name): value} of the servers' file."""
    text, section, found = (DEPLOY / "kubernetes" / "rookery.conf").read_text(), "", {}
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            name, _, value = line.partition(" = ")
            found[section, name] = value
    return found


def pod_environment():
    """As the kubelet makes it, with values for the secrets."""
    made = {}
    for entry in container()["env"]:
        secret = entry.get("valueFrom", {}).get("secretKeyRef")
        given = {"uri": "postgresql://app:secret@rookery-shard-rw.rookery:5432/rookery"}.get(secret["key"], "secret") if secret else entry["value"]
        made[entry["name"]] = re.sub(r"\$\((\w+)\)", lambda m: made[m[1]], given)
    return made


def mounts():
    return {m["mountPath"]: m["name"] for m in container()["volumeMounts"]}


def test_kubernetes_configuration(tmp_path):
    made = pod_environment()
    for name in made:
        assert is_setting(name) or any(f"$({name})" in e.get("value", "") for e in container()["env"]), name
    check_config(DEPLOY / "kubernetes" / "rookery.conf", **{k: v for k, v in made.items() if k.startswith("ROOKERY_")})
    assert pod()["enableServiceLinks"] is False, "a variable for the service rookery would be taken for a setting, and refused"
    done = subprocess.run([settings.binary(), "check-config"], cwd=tmp_path, env={"PATH": os.environ["PATH"], "ROOKERY_PORT": "tcp://10.0.0.1:8008"}, capture_output=True)
    assert done.returncode == 2
    assert container()["args"] == ["serve", "--config", "/etc/rookery/rookery.conf"] and mounts()["/etc/rookery"] == "config"


def test_kubernetes_secrets_and_hosts():
    """They are those of the parts that make them."""
    shards = {p["metadata"]["name"] for p in manifests() if p["apiVersion"].startswith("postgresql.cnpg.io/")}
    used = {e["valueFrom"]["secretKeyRef"]["name"] for e in container()["env"] if e["name"].startswith("SHARD")}
    volumes = {v["name"]: v for v in pod()["volumes"]}
    assert used == {f"{s}-app" for s in shards}
    assert {v["secret"]["secretName"] for v in volumes.values() if "secret" in v} == {f"{s}-ca" for s in shards}
    urls = pod_environment()["ROOKERY_STORE_URL"].split()
    files = [re.search(r"\?sslmode=verify-full&sslrootcert=(.*)/ca\.crt$", url)[1] for url in urls]
    assert len(set(files)) == len(shards) and set(files) <= set(mounts())
    assert f"@{find('RabbitmqCluster', 'rookery-mq')['metadata']['name']}" in pod_environment()["ROOKERY_BROKER_URL"]
    assert f"@{find('Redis', 'rookery-redis')['metadata']['name']}" in pod_environment()["ROOKERY_CACHE_URL"]
    secret = yaml.safe_load((DEPLOY / "kubernetes" / "secret.example.yaml").read_text())
    wanted = {e["valueFrom"]["secretKeyRef"]["key"] for e in container()["env"] if e.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "rookery"}
    assert wanted <= set(secret["stringData"])


def test_kubernetes_pods():
    labels = find("Deployment")["spec"]["template"]["metadata"]["labels"]
    for choice in (find("Service")["spec"]["selector"], *(find(k)["spec"]["selector"]["matchLabels"] for k in ("Deployment", "PodDisruptionBudget", "PodMonitor"))):
        assert choice.items() <= labels.items() and choice
    assert set(mounts().values()) == {v["name"] for v in pod()["volumes"]}
    ports = {p["name"]: p["containerPort"] for p in container()["ports"]}
    assert configuration()["server", "listen"].rpartition(":")[2] == str(ports["http"]) == said("EXPOSE")[0]
    for probe, path in (("readinessProbe", "/health/ready"), ("livenessProbe", "/health/live")):
        assert container()[probe]["httpGet"] == {"path": path, "port": "http"}


def test_kubernetes_pods_end_in_time():
    conf = configuration()
    notice = container()["readinessProbe"]["periodSeconds"] * container()["readinessProbe"]["failureThreshold"]
    assert seconds(conf["server", "drain"]) > notice, "a pod goes on taking requests until all know that it ends"
    needed = max(seconds(conf["server", "drain"]), HAND_OVER_SECONDS) + seconds(conf["server", "shutdown_grace"])
    assert pod()["terminationGracePeriodSeconds"] > needed


def test_kubernetes_pods_write_only_where_they_may():
    security = pod()["securityContext"]
    assert security["runAsNonRoot"] and security["runAsUser"] == security["fsGroup"] == user_number()
    assert container()["securityContext"]["readOnlyRootFilesystem"]
    writable = {path for path in mounts() if not any(m["mountPath"] == path and m.get("readOnly") for m in container()["volumeMounts"])}
    assert {configuration()["media", "path"], said("WORKDIR")[-1], "/tmp"} == writable
    media = next(v for v in pod()["volumes"] if v["name"] == mounts()[configuration()["media", "path"]])
    claim = find("PersistentVolumeClaim", media["persistentVolumeClaim"]["claimName"])
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"], "all servers write to it"
