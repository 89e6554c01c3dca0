"""The program around the server: its commands, its settings, backup of a running server and restore."""
import json
import subprocess

from harness import settings
from harness.client import Client, Follower, bodies, unique
from harness.server import running


def program(*args, environ=None, cwd=None):
    return subprocess.run([settings.binary(), *args], env={**settings.environment(), **(environ or {})}, cwd=cwd, capture_output=True, text=True, timeout=60)


def ok(*args, **options):
    done = program(*args, **options)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def refused(*args, status=2, says, **options):
    done = program(*args, **options)
    assert done.returncode == status and says in done.stderr and done.stdout == "", done


def test_help_everywhere():
    listed = ok("--help")
    assert ok("help") == listed
    for command in ("serve", "check-config", "print-config", "backup", "restore", "admin status", "version", "help"):
        assert command in listed
        assert f" {command}: " in ok(*command.split(), "--help")
    assert "media-worker" not in listed
    assert ok("version").startswith("rookery ")
    refused("serv", says='no command "serv"; did you mean serve?')
    refused("serve", "--port", "1", says="unknown option --port")
    refused(says="usage: ")


def test_configuration_prints_and_checks(tmp_path):
    conf = tmp_path / "rookery.conf"
    conf.write_text(ok("print-config", "--set", "server.name=example.org"))
    assert "\nname = example.org\n" in conf.read_text()
    assert str(conf) in ok("check-config", "--config", str(conf))
    assert ok("print-config", "--config", str(conf)) == conf.read_text()
    conf.write_text("[server]\nname = a.example\n[log]\nlevle = info\n")
    refused("check-config", "--config", str(conf), says=f"{conf}:4: [log] levle: unknown setting; did you mean level under [log]?")
    refused("serve", "--config", str(conf), says="levle")
    refused("check-config", environ={"ROOKERY_LOG_LEVEL": "loud"}, says='environment: ROOKERY_LOG_LEVEL: "loud" is not among')
    conf.write_text("[tls]\ncertificate = /nowhere\nkey = /nowhere\n")
    refused("check-config", "--config", str(conf), status=1, says=f"{conf}:2: [tls] certificate: /nowhere cannot be read")


def test_open_registration_for_the_world_must_be_meant(tmp_path):
    public = ("--set", "server.listen=0.0.0.0:0")
    refused("serve", *public, cwd=tmp_path, says="anyone, and any program, could make accounts")
    assert list(tmp_path.iterdir()) == [], "a refused start must leave nothing behind"
    ok("check-config", *public, "--set", "registration.allow_public_open=true")
    ok("check-config", *public, "--set", "registration.mode=closed")


def test_the_servers_key_is_made_at_the_first_start(own_server):
    server = own_server()
    assert server.log().count("server key made") == 1
    for kill in (True, False):
        server.restart(kill=kill)
        assert "server key made" not in server.log()


def test_a_store_has_one_server(own_server):
    server = own_server()
    refused("serve", "--set", "server.listen=127.0.0.1:0", status=1, says="", cwd=server.folder)
    server.check_alive()


def test_backup_and_restore(own_server, tmp_path):
    server = own_server()
    alice = Client(server).register(unique("alice"))
    room = alice.create_room(preset="private_chat", name="kept")
    events = [alice.say(room, f"before {i}") for i in range(20)]
    token = alice.ok("GET", ("sync",))["next_batch"]
    copy = tmp_path / "copy"
    assert "The backup is in" in ok("backup", "--to", str(copy), cwd=server.folder)
    assert (copy / "manifest").read_text().startswith("rookery-backup 1\n")
    refused("backup", "--to", str(copy), status=1, says="is not empty", cwd=server.folder)
    late = alice.say(room, "after the backup")
    refused("restore", "--from", str(copy), status=1, says="There is a store in", cwd=server.folder)
    server.check_alive()

    with running({("store", "path"): "./restored"}) as other:
        other.stop()  # its folder is what is wanted
        subprocess.run(["rm", "-r", str(other.folder / "restored")], check=True)
        ok("restore", "--from", str(copy), "--set", "store.path=./restored", cwd=other.folder)
        other.start()
        again = Client(other, alice.user_id, alice.token, alice.device_id)
        said = [e["event_id"] for e in again.ok("GET", ("rooms", room, "messages"), query={"dir": "f", "limit": 100})["chunk"]]
        assert [e for e in said if e in events] == events and late not in said
        # The old token belongs to another history: everything is sent afresh.
        fresh = again.ok("GET", ("sync",), query={"since": token, "timeout": 0})
        joined = fresh["rooms"]["join"][room]
        assert any(e["type"] == "m.room.create" for e in joined.get("state", {}).get("events", []) + joined["timeline"]["events"])
        again.say(room, "goes on")


def test_backup_without_a_server(own_server, tmp_path):
    server = own_server()
    alice = Client(server).register(unique("alice"))
    server.stop()
    ok("backup", "--to", str(tmp_path / "copy"), cwd=server.folder)
    refused("backup", "--to", str(tmp_path / "none"), status=1, says="There is no store in", cwd=tmp_path)
    server.start()
    alice.ok("GET", ("account", "whoami"))


def check_latencies(server, before):
    """What is counted, and that people are told of it as programs are."""
    assert before["send"] == {"count": 0} and before["delivery"] == {"count": 0}
    alice = Client(server).register(unique("alice"))
    room = alice.create_room()
    follower = Follower(alice)
    alice.say(room, "one")
    follower.until(lambda f: "one" in bodies(f.timeline.get(room, [])))
    after = json.loads(ok("admin", "status", "--json", cwd=server.folder))["here"]["latency_ms"]
    assert after["send"]["count"] == 1 and after["commit"]["count"] > before["commit"]["count"]
    for name in ("send", "commit"):
        assert 0 < after[name]["p50"] <= after[name]["p99"]
    [line] = [row for row in ok("admin", "status", cwd=server.folder).splitlines() if row.startswith("to send")]
    assert line.split()[2:] == ["1", f"{after['send']['p50']:.2f}", f"{after['send']['p99']:.2f}"]


def test_admin_status_and_drain(own_server, tmp_path):
    server = own_server()
    status = json.loads(ok("admin", "status", "--json", cwd=server.folder))
    [node] = status["nodes"]
    assert node["self"] and node["open"] == 64 and status["here"]["slots_reachable"] == 64
    assert [s["owner"] for s in status["slots"]] == [node["name"]] * 64
    assert "0-63" in ok("admin", "status", cwd=server.folder)
    check_latencies(server, status["here"]["latency_ms"])
    [shard] = status["shards"]
    assert shard["slots"] == list(range(64)) and shard["bytes"] > 0 and shard["database"].endswith("/db")
    refused("admin", "drain", status=1, says="the only server", cwd=server.folder)
    server.check_alive()
    refused("admin", "status", status=1, says="no server runs", cwd=tmp_path)
    assert "admin status" in ok("admin") and "admin drain" in ok("admin", "--help")
    refused("admin", "sing", says="usage: ")
