"""Ed25519 signatures (RFC 8032) and signed JSON, in plain Python: slow, and enough for a handful of test keys."""
import base64
import hashlib
import json

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def _x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    return P - x if x & 1 != sign else x


def _add(a, b):
    """Extended coordinates (x, y, z, t)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P


def _multiply(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = _add(result, point)
        point = _add(point, point)
        n >>= 1
    return result


def _encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_Y = 4 * pow(5, P - 2, P) % P
BASE = (_x(_Y, 0), _Y, 1, _x(_Y, 0) * _Y % P)


def _hash(data):
    return int.from_bytes(hashlib.sha512(data).digest(), "little")


def b64(data):
    return base64.b64encode(data).decode().rstrip("=")


def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


class SigningKey:
    def __init__(self, seed):
        """`seed` is any text; the same text gives the same key."""
        digest = hashlib.sha512(hashlib.sha256(seed.encode()).digest()).digest()
        self._a = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        self._prefix = digest[32:]
        self._public = _encode(_multiply(self._a, BASE))
        self.public = b64(self._public)

    def sign(self, message):
        r = _hash(self._prefix + message) % Q
        point = _encode(_multiply(r, BASE))
        return b64(point + ((r + _hash(point + self._public + message) * self._a) % Q).to_bytes(32, "little"))

    def sign_json(self, obj, user_id, key_id):
        """Adds the signature of `user_id`'s key `key_id` (without "ed25519:") and returns the object."""
        bare = {k: v for k, v in obj.items() if k not in ("signatures", "unsigned")}
        obj.setdefault("signatures", {}).setdefault(user_id, {})["ed25519:" + key_id] = self.sign(canonical(bare))
        return obj
