"""What docs/operate.md tells operators to type at RabbitMQ: it is enough for a server, and it shows what must not be."""
import contextlib
import json
import re
import shlex
import subprocess

import pytest

from harness import settings
from harness.deploy import run

TOOL = settings.ROOT / "tools" / "with-rabbitmq"
POSTGRES = settings.ROOT / "tests" / "support" / "postgres.py"
SLOTS = 64


def documented(words):
    """The command that begins so."""
    text = (settings.ROOT / "docs" / "operate.md").read_text()
    found = re.findall(rf"`rabbitmqctl ({words}[^`]*)`", text)
    assert len(found) == 1, (words, found)
    return shlex.split(found[0])


class Broker:
    def __init__(self, environment):
        self.urls, self.folder, self.store = (environment[name] for name in ("WITH_RABBITMQ_URLS", "WITH_RABBITMQ_FOLDER", "TEST_POSTGRES"))

    def ctl(self, *words):
        return run(TOOL, "--in", self.folder, "ctl", "1", *words)

    def policies(self):
        """{slot's queue: its policy}, by the documented command."""
        table = [line.split("\t") for line in self.ctl(*documented("list_queues name policy")).splitlines()]
        return {line[0]: line[-1] for line in table if line[0].startswith("rookery.slot.")}

    def effective(self):
        """All that counts for the slots' queues, as RabbitMQ itself computes it."""
        return self.ctl("eval", '[rabbit_policy:effective_definition(Q) || Q <- rabbit_amqqueue:list(<<"/">>), amqqueue:is_quorum(Q)].')


@pytest.fixture(scope="module")
def broker():
    """With a database, since a server that shares a broker keeps nothing itself. Both end when nobody listens to them any more."""
    tell = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([POSTGRES, "run", "--databases", "1", TOOL, "python3", "-c", tell], stdin=subprocess.PIPE,
                                                       stdout=subprocess.PIPE, text=True))
        stack.callback(process.stdin.close)
        yield Broker(json.loads(process.stdout.readline()))


def test_what_operators_type(broker, own_server):
    broker.ctl("add_user", "rookery", "secret")
    broker.ctl(*documented("set_permissions"))
    broker.ctl(*documented("set_policy"))
    own_server({("broker", "url"): re.sub("guest:guest", "rookery:secret", broker.urls), ("store", "url"): broker.store})
    assert list(broker.policies().values()) == ["rookery-slots"] * SLOTS

    broker.ctl("set_policy", "everything", ".*", '{"message-ttl": 1000}', "--priority", "10")
    assert set(broker.policies().values()) == {"rookery-slots"} and "message-ttl" not in broker.effective(), "ours keeps it away"
    broker.ctl("clear_policy", "rookery-slots")
    assert set(broker.policies().values()) == {"everything"} and "message-ttl" in broker.effective(), "without ours it would count, and is shown"
    broker.ctl(*documented("set_policy"))
    broker.ctl("set_operator_policy", "all-queues", ".*", '{"message-ttl": 1000}')
    assert "message-ttl" in broker.effective() and "all-queues\t.*" in broker.ctl(*documented("list_operator_policies"))
    members = broker.ctl(*documented("list_queues name leader"))
    assert len(re.findall(r"^rookery\.slot\.\d+\trookery-\w+-1@localhost\t\[rookery-\w+-1@localhost\]\t\[rookery-\w+-1@localhost\]$", members, re.M)) == SLOTS
