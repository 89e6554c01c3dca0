#!/usr/bin/python3
"""A PostgreSQL server of its own for tests, in a temporary folder, on a unix socket: for C tests, pytest and scripts alike.

    tests/support/postgres.py run [--databases N] [--set NAME=VALUE]... COMMAND [ARGUMENT]...

runs COMMAND with TEST_POSTGRES, the URLs of N databases (default 3) separated by blanks, and TEST_POSTGRES_FOLDER, and ends the
server afterwards, however COMMAND ended. Meanwhile

    tests/support/postgres.py stop|kill|start|pause|continue FOLDER

does that to the server: an orderly stop, one without any order, a start, SIGSTOP and SIGCONT to all its processes. In Python: `with Postgres() as p: p.urls`.
PostgreSQL does not run as root: root runs it as the user postgres."""
import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

SETTINGS = {"listen_addresses": "", "max_connections": "100", "shared_buffers": "32MB", "log_min_messages": "fatal", "max_wal_size": "256MB"}


def binaries():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name) if p.parent.name.isdigit() else 0)
    if found:
        return found[-1]
    there = shutil.which("initdb")
    if not there:
        sys.exit("PostgreSQL is not there: install the Debian package postgresql (tools/install-deps test does)")
    return pathlib.Path(there).parent


class Postgres:
    """`password`: it listens on 127.0.0.1, too, speaks TLS there with a certificate of its own (`certificate`), and asks for the password."""

    def __init__(self, folder=None, databases=3, settings=None, password=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="rookery-pg-"))
        self.databases, self.settings, self.password = databases, {**SETTINGS, **(settings or {})}, password
        self.guard = None

    @property
    def data(self):
        return self.folder / "data"

    def url(self, database):
        return f"postgresql://rookery@/{database}?host={self.folder}"

    @property
    def urls(self):
        return [self.url(f"shard{i + 1}") for i in range(self.databases)]

    @property
    def certificate(self):
        return self.folder / "server.crt"

    def tls_url(self, database, user="rookery"):
        return (f"postgresql://{user}:{self.password}@127.0.0.1:{self.settings['port']}/{database}?sslmode=verify-full&sslrootcert={self.certificate}")

    def _run(self, program, *args, **more):
        command = [str(binaries() / program) if program != "openssl" else program, *map(str, args)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}")
        return done.stdout

    def create(self):
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        self._run("initdb", "-D", self.data, "-U", "rookery", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        if self.password:
            self._secure()
        lines = [f"{k} = '{v}'\n" for k, v in {**self.settings, "unix_socket_directories": self.folder}.items()]
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.writelines(lines)
        self.watch()
        self.start()
        if self.password:
            self.sql(f"ALTER ROLE rookery PASSWORD '{self.password}'")
        for url in self.urls:
            self._create_database(url)
        return self

    def _secure(self):
        key = self.folder / "server.key"
        self._run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=rookery test", "-addext",
                  "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.settings.update(listen_addresses="127.0.0.1", port=str(s.getsockname()[1]), ssl="on", ssl_cert_file=self.certificate, ssl_key_file=key)
        (self.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")

    def _create_database(self, url):
        name = url.removeprefix("postgresql://rookery@/").partition("?")[0]
        self._run("createdb", "-h", self.folder, "-p", self.settings.get("port", "5432"), "-U", "rookery", name)

    def standby(self):
        """A synchronous one, for whom every commit waits from now on; `promote` makes it the primary. Close it before this one."""
        other = Postgres(databases=self.databases)
        other.folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(other.folder, "postgres", "postgres")
        self._run("pg_basebackup", "-h", self.folder, "-U", "rookery", "-D", other.data, "-R", "-c", "fast", "--no-sync")
        with open(other.data / "postgresql.conf", "a") as conf:
            conf.write(f"unix_socket_directories = '{other.folder}'\n")
        other.watch()
        other.start()
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")
        return other

    def promote(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "promote")

    def sql(self, text, database="postgres"):
        """Its rows: a line each, the values with | between."""
        return self._run("psql", "-X", "-q", "-A", "-t", "-h", self.folder, "-p", self.settings.get("port", "5432"), "-U", "rookery", "-c", text, database)

    def new_database(self):
        """One more, by its URL."""
        self.databases += 1
        self._create_database(self.urls[-1])
        return self.urls[-1]

    def start(self):
        # The server keeps what it inherits open: its log is a file, so that nobody waits for the end of a pipe.
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "-l", self.folder / "log", "start")

    def stop(self, mode="fast"):
        self._run("pg_ctl", "-D", self.data, "-w", "-s", "-m", mode, "stop")

    def kill(self):
        self.stop("immediate")

    def is_running(self):
        return (self.data / "postmaster.pid").exists()

    def pid(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def signal_all(self, number):
        """To the server and the processes of its connections."""
        pid = self.pid()
        for p in [pid, *children(pid)]:
            with contextlib.suppress(ProcessLookupError):  # a connection that ends meanwhile
                os.kill(p, number)

    def watch(self):
        """A process that outlives this one, and cleans up when it has ended without doing so."""
        self.guard = subprocess.Popen([sys.executable, __file__, "guard", self.folder], stdin=subprocess.PIPE, start_new_session=True)

    def close(self):
        if self.is_running():
            self.signal_all(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.guard:
            self.guard.stdin.close()
            self.guard.wait()

    def __enter__(self):
        return self if self.data.exists() else self.create()

    def __exit__(self, *_):
        self.close()


def children(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found


def guard(folder):
    """Away from those who end the descendants of a test that hangs."""
    if os.fork():
        return 0
    sys.stdin.buffer.read()
    if pathlib.Path(folder).exists():
        Postgres(folder).close()
    return 0


def run(args):
    with Postgres(databases=args.databases, settings=dict(s.split("=", 1) for s in args.set)) as p:
        environment = {**os.environ, "TEST_POSTGRES": " ".join(p.urls), "TEST_POSTGRES_FOLDER": str(p.folder)}
        status = subprocess.run([*args.command], env=environment).returncode
    return status if status >= 0 else 128 - status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = parser.add_subparsers(dest="what", required=True)
    running = sub.add_parser("run")
    running.add_argument("--databases", type=int, default=3)
    running.add_argument("--set", action="append", default=[])
    running.add_argument("command", nargs=argparse.REMAINDER)
    for name in ("stop", "kill", "start", "pause", "continue", "guard"):
        sub.add_parser(name).add_argument("folder")
    args = parser.parse_args()
    if args.what == "run":
        return run(args)
    if args.what == "guard":
        return guard(args.folder)
    server = Postgres(args.folder)
    {"stop": server.stop, "kill": server.kill, "start": server.start, "pause": lambda: server.signal_all(signal.SIGSTOP),
     "continue": lambda: server.signal_all(signal.SIGCONT)}[args.what]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
