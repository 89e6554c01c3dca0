"""Every name of the server that the harness depends on: its binary, its settings, its signs of life. Adapt here only."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
READY = r"https?://127\.0\.0\.1:(\d+)"  # on a line of stdout once the server takes requests
SERVER_NAME = "localhost"
PUBLIC_URL = "https://chat.example.org"
# Present in the log of a run: the process had a fault, whatever its exit status says.
FAULTS = (r"ERROR: (Address|Leak)Sanitizer", r"runtime error:", r"WARNING: ThreadSanitizer", r"ERROR: ThreadSanitizer", r"Assertion .* failed",
          r"MemorySanitizer", r'"slot undone".*error=CONFLICT(?! why=)')  # the last: the only owner took its own position for another's; with a reason it is a cluster's

BASE = {
    ("server", "name"): SERVER_NAME,
    ("server", "listen"): "127.0.0.1:0",
    ("server", "loops"): "2",
    ("server", "public_url"): PUBLIC_URL,
    ("store", "path"): "./data",
    ("registration", "mode"): "open",
    ("registration", "allow_public_open"): "true",  # public_url is not this machine
    ("registration", "guests"): "true",
    ("web", "path"): "",
    ("password", "memory_kib"): "1024",
    ("password", "passes"): "1",
}
# A shared server must never tell a test to wait.
RATES = ("requests", "messages", "joins", "registrations", "logins", "user_logins", "uploads")
LIMITS_OFF = {("limits", name): "0" for name in RATES}
UPLOAD_LIMIT = ("media", "max_upload_size")
ACCESS_TOKEN_LIFE = ("session", "access_token_lifetime")  # of an access token that has a refresh token; at least 10 s
ADMIN_CONTACT = ("server", "admin_contact")
DEFAULT_ROOM_VERSION = ("rooms", "default_version")
REGISTRATION_TOKENS = ("registration", "tokens")


def environment_name(section, name):
    return f"ROOKERY_{section}_{name}".upper()


def environment():
    """The tests' own, without what a server would take for its settings (or refuse)."""
    return {k: v for k, v in os.environ.items() if not k.startswith("ROOKERY_")}


def binary():
    """ROOKERY_BINARY, or that of the build named by BUILD (default: asan)."""
    return os.environ.get("ROOKERY_BINARY") or str(ROOT / "build" / os.environ.get("BUILD", "asan") / "rookery")
