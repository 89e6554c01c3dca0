"""Every name of the server that the harness depends on: its binary, its settings, its signs of life. Adapt here only."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
READY = r"http://127\.0\.0\.1:(\d+)"  # on a line of stdout once the server takes requests
SERVER_NAME = "localhost"
# Present in the log of a run: the process had a fault, whatever its exit status says.
FAULTS = (r"ERROR: (Address|Leak)Sanitizer", r"runtime error:", r"WARNING: ThreadSanitizer", r"ERROR: ThreadSanitizer", r"Assertion .* failed",
          r"MemorySanitizer")

BASE = {
    ("server", "name"): SERVER_NAME,
    ("server", "listen"): "127.0.0.1:0",
    ("server", "loops"): "2",
    ("store", "path"): "./data",
    ("registration", "mode"): "open",
    ("registration", "guests"): "true",
    ("password", "memory_kib"): "1024",
    ("password", "passes"): "1",
}
# Settings of [limits] that a shared server must have off.
LIMITS = ("messages_per_second", "joins_per_second", "invites_per_second", "rooms_per_second", "logins_per_second", "registrations_per_second",
          "requests_per_second", "keys_per_second", "media_per_second")
LIMITS_OFF = {("limits", name): "0" for name in LIMITS}
UPLOAD_LIMIT = ("media", "max_upload_bytes")
ACCESS_TOKEN_MS = ("registration", "access_token_ms")  # life of an access token that has a refresh token


def environment_name(section, name):
    return f"ROOKERY_{section}_{name}".upper()


def binary():
    """ROOKERY_BINARY, or that of the build named by BUILD (default: asan)."""
    return os.environ.get("ROOKERY_BINARY") or str(ROOT / "build" / os.environ.get("BUILD", "asan") / "rookery")
REGISTRATION_TOKEN = ("registration", "token")  # the token that registration by token takes
