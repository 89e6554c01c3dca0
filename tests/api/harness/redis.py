"""A real Redis of a test's own: started on a free port, killed, started again on the same one."""
import socket
import subprocess
import time


class Redis:
    def __init__(self, folder, password="secret"):
        self.folder, self.password, self.port, self.process = folder, password, None, None

    def start(self):
        """On the port that it has; a free one the first time."""
        while True:
            if not self.port or not self.process:
                with socket.socket() as s:
                    s.bind(("127.0.0.1", self.port or 0))
                    self.port = s.getsockname()[1]
            self.process = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--requirepass", self.password,
                                             "--dir", str(self.folder)], stdout=subprocess.DEVNULL)
            while self.process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", self.port), 5).close()
                    return self
                except OSError:
                    time.sleep(0.01)
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def command(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), 30) as s:
            s.sendall(b"".join(f"{line}\r\n".encode() for line in (f"AUTH {self.password}", " ".join(words))))
            s.settimeout(30)
            answer = s.makefile("rb")
            assert answer.readline() == b"+OK\r\n"
            return answer.readline().decode().strip()

    def settings(self, **more):
        return {("cache", "url"): f"redis://:{more.pop('password', self.password)}@127.0.0.1:{self.port}",
                **{("cache", name): value for name, value in more.items()}}
