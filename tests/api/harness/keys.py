"""End-to-end keys as clients make them; made-up where nobody checks, signed where the server does."""
from .client import unique
from .ed25519 import SigningKey, b64

import hashlib


def curve(text):
    return b64(hashlib.sha256(text.encode()).digest())


class DeviceKeys:
    """The identity keys of a client's device, with its one-time keys."""

    def __init__(self, client):
        self.client = client
        self.user, self.device = client.user_id, client.device_id
        self.signing = SigningKey(f"{self.user} {self.device}")

    def identity(self):
        body = {"user_id": self.user, "device_id": self.device, "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
                "keys": {f"curve25519:{self.device}": curve(self.user + self.device), f"ed25519:{self.device}": self.signing.public}}
        return self.signing.sign_json(body, self.user, self.device)

    def signed_key(self, text, **more):
        return self.signing.sign_json({"key": curve(text), **more}, self.user, self.device)

    def one_time(self, count, algorithm="signed_curve25519"):
        names = [unique("k") for _ in range(count)]
        return {f"{algorithm}:{name}": self.signed_key(name) for name in names}

    def fallback(self, algorithm="signed_curve25519"):
        name = unique("f")
        return {f"{algorithm}:{name}": self.signed_key(name, fallback=True)}

    def upload(self, one_time=0, fallback=False, identity=True):
        """Uploads, and returns the one-time keys that were sent."""
        keys = self.one_time(one_time)
        body = {**({"device_keys": self.identity()} if identity else {}), **({"one_time_keys": keys} if keys else {}),
                **({"fallback_keys": self.fallback()} if fallback else {})}
        self.client.ok("POST", ("keys", "upload"), body)
        return keys


class CrossSigning:
    def __init__(self, client, generation="1"):
        self.user = client.user_id
        self.master, self.self_signing, self.user_signing = (SigningKey(f"{self.user} {usage} {generation}") for usage in "msu")

    def _key(self, usage, key):
        return {"user_id": self.user, "usage": [usage], "keys": {"ed25519:" + key.public: key.public}}

    def body(self):
        sign = lambda obj: self.master.sign_json(obj, self.user, self.master.public)  # noqa: E731
        return {"master_key": self._key("master", self.master), "self_signing_key": sign(self._key("self_signing", self.self_signing)),
                "user_signing_key": sign(self._key("user_signing", self.user_signing))}

    def signed_device(self, identity):
        """The device's keys with this user's self-signing signature, for /keys/signatures/upload."""
        bare = {k: v for k, v in identity.items() if k not in ("signatures", "unsigned")}
        return self.self_signing.sign_json(bare, self.user, self.self_signing.public)
