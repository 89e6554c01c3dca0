"""tools/build-web: the web client is built when something has changed, and not otherwise. With a client of three lines in a tree of its own."""
import gzip
import json
import os
import shutil
import subprocess

import pytest

from harness import settings

BUILD = """
const fs = require("fs");
fs.rmSync("dist", { recursive: true, force: true });
fs.mkdirSync("dist/assets", { recursive: true });
fs.writeFileSync("dist/index.html", "<!doctype html>");
fs.writeFileSync("dist/assets/app-1.js", fs.readFileSync("app.js", "utf8").repeat(100));
fs.appendFileSync("../builds", "x");
"""


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tools").mkdir()
    for name in ("build-web", "compress-web"):
        shutil.copy(settings.ROOT / "tools" / name, tmp_path / "tools")
    web = tmp_path / "web"
    web.mkdir()
    package = {"name": "client", "version": "1.0.0", "scripts": {"build": "node build.js"}}
    (web / "package.json").write_text(json.dumps(package))
    (web / "package-lock.json").write_text(json.dumps({**package, "lockfileVersion": 3, "packages": {"": package}}))
    (web / "build.js").write_text(BUILD)
    (web / "app.js").write_text("console.log(1);\n")
    return tmp_path


def build(tree, *args, status=0, **environ):
    done = subprocess.run([tree / "tools/build-web", *args], env={**os.environ, **environ}, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done
    return done.stdout + done.stderr


def builds(tree):
    return len((tree / "builds").read_text())


def test_only_what_changed(tree):
    assert "npm ci" in build(tree) and builds(tree) == 1
    assert build(tree) == "" and builds(tree) == 1, "nothing has changed"
    script = tree / "web/dist/assets/app-1.js"
    assert gzip.decompress(script.with_suffix(".js.gz").read_bytes()) == script.read_bytes()
    assert script.with_suffix(".js.br").stat().st_size < script.stat().st_size
    assert not (tree / "web/dist/index.html.br").exists(), "that would be larger"
    (tree / "web/app.js").write_text("console.log(2);\n")
    said = build(tree)
    assert "npm ci" not in said and "Building" in said and builds(tree) == 2
    lock = tree / "web/package-lock.json"
    lock.write_text(lock.read_text() + "\n")
    assert "npm ci" in build(tree) and builds(tree) == 3
    shutil.rmtree(tree / "web/dist")
    build(tree)
    assert builds(tree) == 4


def test_a_build_that_fails(tree):
    (tree / "web/build.js").write_text("console.error('so it is'); process.exit(3)")
    assert "so it is" in build(tree, status=1)
    said = build(tree, "--optional")
    assert "cannot be built" in said and "runs without it" in said
    (tree / "web/build.js").write_text(BUILD)
    build(tree)
    assert builds(tree) == 1, "a failure is not taken for a build"


def test_without_npm(tree):
    tools = tree / "bin"
    tools.mkdir()
    for name in ("bash", "find", "sort", "xargs", "sha256sum", "cut", "cat", "printf", "dirname", "mkdir", "tail"):
        (tools / name).symlink_to(shutil.which(name))
    assert "npm is not there" in build(tree, "--optional", PATH=str(tools))
    assert "npm is not there" in build(tree, status=1, PATH=str(tools))


def test_nothing_to_build(tree):
    (tree / "web/package-lock.json").unlink()
    assert build(tree) == "" and not (tree / "builds").exists()
