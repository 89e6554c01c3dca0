"""Power cuts: the server runs with tests/fault/powercut.c, which keeps an image of what was synced. A cut is SIGKILL, and the server's folders made anew
from that image.

Of what was not synced nothing is there afterwards, or (`spill`) any part of it: a disk may write sectors before it is told to, in any order, and
a file may have grown by some of what was appended."""
import os
import pathlib
import random
import shutil
import tempfile

from harness import settings
from harness.server import Server

SECTOR = 512
LIBRARY = pathlib.Path(os.path.dirname(settings.binary())) / "tests" / "fault" / "powercut.so"


class PoweredServer(Server):
    def __init__(self, seed, extra=None, forget=None):
        super().__init__({("media", "path"): "./media", **(extra or {})},
                         preload=os.environ.get("ROOKERY_POWERCUT") or LIBRARY)
        self.rng, self.forget, self.image = random.Random(seed), forget, None
        self.cuts = self.spilled = 0

    def start(self):
        assert os.path.exists(self.preload), f"no {self.preload}: make faults"
        self._drop_image()
        self.image = pathlib.Path(tempfile.mkdtemp(prefix="rookery-disk-"))
        self.environ = {"POWERCUT_ROOT": str(self.folder), "POWERCUT_IMAGE": str(self.image), **({"POWERCUT_FORGET": self.forget} if self.forget else {})}
        return super().start()

    def cut_power(self):
        """Cuts, and starts again on what is left."""
        self.check_alive()
        self.kill9()
        self.check_log()
        self.cuts += 1
        self._recover(spill=self.cuts % 2 == 0)
        return self.start()

    def close(self):
        try:
            super().close()
        finally:
            self._drop_image()

    def _drop_image(self):
        if self.image:
            shutil.rmtree(self.image)
        self.image = None

    def _recover(self, spill):
        """Only the server's own folders; the logs of its runs are the test's."""
        lived = {}
        for path in self.folder.rglob("*"):
            if path.is_file():
                lived[path.stat().st_ino] = path
        made = pathlib.Path(tempfile.mkdtemp(prefix="rookery-cut-"))
        root = (self.image / "root").read_text().strip()
        self._make(made, root, lived if spill else {}, top=True)
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        for path in made.iterdir():
            shutil.move(path, self.folder / path.name)
        made.rmdir()

    def _make(self, path, inode, lived, top=False):
        names = self.image / "names" / inode
        for line in names.read_text().splitlines() if names.exists() else []:
            kind, below, name = line.split(" ", 2)
            if kind == "d":
                (path / name).mkdir(mode=0o700)
                self._make(path / name, below, lived)
            elif not top:
                shutil.copy(self.image / "files" / below, path / name)
                if int(below) in lived:
                    self._spill(path / name, lived[int(below)].read_bytes())

    def _spill(self, path, live):
        kept = bytearray(path.read_bytes())
        if kept == live:
            return
        for at in range(0, min(len(kept), len(live)), SECTOR):
            if kept[at:at + SECTOR] != live[at:at + SECTOR] and self.rng.random() < 0.5:
                kept[at:at + SECTOR] = live[at:at + SECTOR]
                self.spilled += 1
        if len(live) > len(kept):
            kept += live[len(kept):self.rng.randint(len(kept), len(live))]
        path.write_bytes(kept)
