"""What the tests of deploy/ share."""
import os
import re
import subprocess

from . import settings

DEPLOY = settings.ROOT / "deploy"


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def setting_names():
    return set(re.findall(r"^(?:SETTING|CHOICE)\((\w+), (\w+),", (settings.ROOT / "src" / "main" / "settings.def").read_text(), re.M))


def is_setting(variable):
    return any(variable == settings.environment_name(*name) for name in setting_names())


def check_config(file, **environment):
    run(settings.binary(), "check-config", "--config", file, env={"PATH": os.environ["PATH"], **environment})
