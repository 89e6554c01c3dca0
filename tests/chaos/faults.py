"""What can happen to a cluster: a row each. `begin` does it, and returns what `end` needs to end it; both return when that is done. `limit` is the longest, in seconds, that a user
may wait in it for the answer to a message, or (MESSAGE_LIMIT, if that is more) for the message of another: after what was taken away is back for those that take everything (`whole`;
RabbitMQ itself takes some 9 s to start). In one that is `quiet` no request of a user fails; in one that `keeps_syncs` no /sync loses its connection, and none that waited is refused before
its time is over."""
import dataclasses
import signal

import cluster as parts

MESSAGE_LIMIT = 5
SLOW_LINK_SECONDS, SLOW_DISK_MS = 0.05, 30
MOVED = 1  # slots of each shard, to a new one


@dataclasses.dataclass
class Fault:
    name: str
    takes: tuple         # two that take the same are not at work at once; "readiness": what waits for servers to be ready, and what keeps them from it
    limit: float
    begin: callable
    end: callable
    whole: bool = False  # nobody can send while it lasts
    quiet: bool = False
    keeps_syncs: bool = False
    long_form: float = 10


def some_server(cluster, rng):
    return rng.choice(cluster.running())


def start_servers(cluster, killed):
    for i in killed:
        cluster.servers[i].start()


# --- chat servers ---

def kill_one(cluster, rng):
    victim = some_server(cluster, rng)
    cluster.kill(victim)
    return [victim]


def kill_busiest(cluster, _):
    victim = cluster.busiest()
    cluster.kill(victim)
    return [victim]


def kill_two(cluster, rng):
    victims = rng.sample(cluster.running(), 2)
    for victim in victims:
        cluster.kill(victim)
    return victims


def stand_still(cluster, rng):
    victim = some_server(cluster, rng)
    cluster.servers[victim].process.send_signal(signal.SIGSTOP)
    return victim


def go_on(cluster, victim):
    cluster.servers[victim].process.send_signal(signal.SIGCONT)


def add_server(cluster, _):
    new = len(cluster.servers) - 1
    cluster.servers[new].start()
    try:
        cluster.wait_until_ready()
    except parts.NotReady:
        cluster.leave(new)
        raise
    return new


def restart_all(cluster, _):
    cluster.restart_one_by_one()


def nothing(*_):
    pass


# --- the network ---

def cut_off(cluster, rng):
    victim = some_server(cluster, rng)
    cluster.cut(victim, True)
    return victim


def heal(cluster, victim):
    cluster.cut(victim, False)


def slow_down(cluster, rng):
    victim = some_server(cluster, rng)
    cluster.delay(victim, SLOW_LINK_SECONDS)
    return victim


def speed_up(cluster, victim):
    cluster.delay(victim, 0)


def cut_from_brokers(cluster, rng):
    """Clients, the load balancer and the databases reach it all the same."""
    victim = some_server(cluster, rng)
    cluster.cut_from_brokers(victim, True)
    return victim


def heal_brokers(cluster, victim):
    cluster.cut_from_brokers(victim, False)


# --- what is behind the servers ---

def kill_broker(cluster, rng):
    victims = [rng.randrange(3)]
    cluster.brokers_do("kill", victims)
    return victims


def kill_brokers(cluster, _):
    cluster.brokers_do("kill", range(3))
    return range(3)


def start_brokers(cluster, victims):
    cluster.brokers_do("start", victims)


def stop_shard(cluster, rng):
    shard = rng.choice(cluster.shards)
    shard.stop()
    return shard


def start_shard(_, shard):
    shard.start()


def add_shard(cluster, _):
    """Once: the new database, and a restart of all servers. Then slots move there: not before all servers know it, so that one that does not get ready leaves nothing to end."""
    cluster.grow()
    slots = cluster.slots_of(1)[:MOVED] + cluster.slots_of(2)[:MOVED]
    cluster.move_slots("--shard", "3", "--slots", ",".join(map(str, slots)))


def empty_shard(cluster, _):
    cluster.move_slots("--shard", "2", "--slots", ",".join(map(str, cluster.slots_of(3))))


def lose_primary(cluster, _):
    cluster.lose_primary()


def new_standby(cluster, _):
    cluster.new_standby()


def slow_disks(cluster, _):
    slow = [shard for shard in cluster.shards if hasattr(shard, "slow_file")]  # not what was a standby
    for shard in slow:
        shard.slow_file.write_text(str(SLOW_DISK_MS))
    return slow


def fast_disks(_, slow):
    for shard in slow:
        shard.slow_file.unlink()


def kill_redis(cluster, _):
    cluster.redis.process.kill()
    cluster.redis.process.wait()


def start_redis(cluster, _):
    cluster.redis.start()


FAULTS = [
    Fault("server killed", ("server",), 3, kill_one, start_servers),
    Fault("busiest owner killed", ("server",), 3, kill_busiest, start_servers),
    Fault("two servers killed", ("server",), 3, kill_two, start_servers),
    Fault("server stands still", ("server",), 10, stand_still, go_on, long_form=20),
    Fault("server cut off", ("server",), 10, cut_off, heal, long_form=20),
    Fault("server without the broker", ("server", "broker"), 10, cut_from_brokers, heal_brokers, long_form=20),
    Fault("slow link", ("server",), 3, slow_down, speed_up),
    Fault("server added", ("server", "readiness"), 0.2, add_server, lambda cluster, new: cluster.leave(new), quiet=True),
    Fault("rolling restart", ("server", "readiness"), 0.2, restart_all, nothing, quiet=True),
    Fault("broker node killed", ("broker",), 10, kill_broker, start_brokers),
    Fault("all brokers killed", ("broker", "readiness"), 5, kill_brokers, start_brokers, whole=True, keeps_syncs=True, long_form=30),
    Fault("shard stopped", ("database", "readiness"), 3, stop_shard, start_shard, long_form=60),
    Fault("primary lost", ("database", "readiness"), 3, lose_primary, new_standby),
    Fault("shard added", ("server", "database", "readiness"), 0.2, add_shard, empty_shard, quiet=True),
    Fault("slow disks", ("database",), 3, slow_disks, fast_disks),
    Fault("cache killed", ("cache",), 1, kill_redis, start_redis),
]
