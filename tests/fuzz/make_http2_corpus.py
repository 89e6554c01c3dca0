#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/http2: scripts and frames as fuzz_http2.c describes them. Headers are literals without Huffman coding, which mutate well."""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus" / "http2"
SEND, SEND_MUCH, WAIT, DEAF, ANSWER, HALF_CLOSE, SHUT, LEAVE = range(8)
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, _, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITISED = 1, 4, 8, 32
ACK = 1


def frame(kind, stream=0, payload=b"", flags=0):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def head(path, method=b"GET", more=()):
    # 0x87 is ":scheme: https", 0x01 an authority, 0x04 a path, 0x02 a method, all of the static table.
    out = b"\x87" + b"\x01\x01h" + b"\x04" + bytes([len(path)]) + path + b"\x02" + bytes([len(method)]) + method
    return out + b"".join(literal(n, v) for n, v in more)


def ask(stream, path, method=b"GET", more=(), end=True):
    return frame(HEADERS, stream, head(path, method, more), END_HEADERS | (END_STREAM if end else 0))


def post(stream, path, *pieces, more=()):
    out = ask(stream, path, b"POST", more, end=False)
    return out + b"".join(frame(DATA, stream, p, END_STREAM if i == len(pieces) - 1 else 0) for i, p in enumerate(pieces))


def settings(**pairs):
    ids = {"table": 1, "push": 2, "streams": 3, "window": 4, "frame": 5, "list": 6}
    return frame(SETTINGS, 0, b"".join(struct.pack(">HI", ids[k], v) for k, v in pairs.items()))


def window(stream, n):
    return frame(WINDOW_UPDATE, stream, struct.pack(">I", n))


def reset(stream, code=8):
    return frame(RST_STREAM, stream, struct.pack(">I", code))


MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
START = settings() + frame(SETTINGS, flags=ACK)
LENGTH = ((b"content-length", b"5"),)
SPLIT = head(b"/a", more=[(b"x-long", b"v" * 60)])
SEEDS = {
    "get": ([], START + ask(1, b"/a")),
    "preface": (None, MAGIC + START + ask(1, b"/a")),
    "all_ways": ([(SEND_MUCH, 255), (WAIT, 20), (ANSWER, 0)],
                 START + b"".join(ask(2 * i + 1, b"/" + bytes([w])) for i, w in enumerate(b"abeslcrdpqwn"))),
    "bodies": ([(SEND, 100), (WAIT, 10), (SEND, 100), (WAIT, 10)],
               START + b"".join(post(2 * i + 1, b"/" + bytes([w]), b"one", b"two" * 20) for i, w in enumerate(b"rdpq"))),
    "interleaved": ([(SEND, 77), (SEND, 31)], START + post(1, b"/r", b"ab") + ask(3, b"/p", b"POST", end=False) + ask(5, b"/d", b"POST", end=False)
                    + frame(DATA, 5, b"xyz") + frame(DATA, 3, b"uvw", END_STREAM) + frame(DATA, 5, b"", END_STREAM)),
    "continuation": ([(SEND, 60), (SEND, 20)],
                     START + frame(HEADERS, 1, SPLIT[:20], END_STREAM) + frame(CONTINUATION, 1, SPLIT[20:40]) + frame(CONTINUATION, 1, SPLIT[40:], END_HEADERS)),
    "reset": ([(SEND, 90)], START + ask(1, b"/n") + reset(1) + post(3, b"/r+", b"a") + ask(5, b"/s") + reset(5) + ask(7, b"/w!") + reset(7) + ask(9, b"/d+") + reset(9)),
    "windows": ([(SEND, 80), (WAIT, 10)],
                settings(window=10) + ask(1, b"/s") + ask(3, b"/b") + window(1, 20000) + window(3, 70000) + window(0, 100000) + settings(window=65535)),
    # Room for the first response, and not for a byte more.
    "exact_window": ([(SEND_MUCH, 9)], settings(window=0) + ask(1, b"/s") + ask(3, b"/c") + window(1, 20000) + window(3, 70000)),
    "stalled": ([(SEND_MUCH, 9), (WAIT, 70)], settings(window=0) + ask(1, b"/s") + ask(3, b"/b") + ask(5, b"/a")),
    "deaf": ([(DEAF, 0), (SEND_MUCH, 9), (WAIT, 30), (DEAF, 0)], settings(window=1 << 20) + window(0, 1 << 20) + b"".join(ask(2 * i + 1, b"/b") for i in range(6))),
    "priority": ([], START + frame(HEADERS, 1, struct.pack(">IB", 0, 15) + head(b"/s"), END_HEADERS | END_STREAM | PRIORITISED) + frame(PRIORITY, 1, struct.pack(">IB", 3, 200))
                 + frame(PING, 0, b"12345678") + ask(3, b"/a", b"HEAD")),
    "goaway": ([], START + ask(1, b"/w") + frame(GOAWAY, 0, struct.pack(">II", 0, 0) + b"bye") + ask(3, b"/a")),
    "expect": ([(SEND, 90)], START + ask(1, b"/r", b"PUT", [(b"expect", b"100-continue"), *LENGTH], end=False) + frame(DATA, 1, b"\x02hello\0\0", END_STREAM | PADDED)),
    "too_large": ([], START + ask(1, b"/r", b"POST", [(b"content-length", b"99999")], end=False) + frame(DATA, 1, b"z" * 5000) + ask(3, b"/a", more=[(b"x", b"y" * 120)] * 20)
                  + post(5, b"/a", b"left over")),
    "trailers": ([], START + ask(1, b"/p", b"POST", end=False) + frame(DATA, 1, b"abc") + frame(HEADERS, 1, literal(b"trailer", b"1"), END_HEADERS | END_STREAM)),
    "left_over": ([(SEND_MUCH, 2), (WAIT, 130), (WAIT, 130)], START + ask(1, b"/a", b"POST", end=False) + frame(DATA, 1, b"abc")),
    "half_head": ([(SEND_MUCH, 2), (WAIT, 70)], START + frame(HEADERS, 1, SPLIT[:20])),
    "half_close": ([(SEND_MUCH, 4), (HALF_CLOSE, 1)], START + ask(1, b"/w") + ask(3, b"/l") + ask(5, b"/r", b"POST", end=False)),
    "leave": ([(SEND_MUCH, 4), (LEAVE, 1)], START + ask(1, b"/w+") + ask(3, b"/l+") + ask(5, b"/p!", b"POST", end=False) + frame(DATA, 5, b"abc")),
    "shut": ([(SEND_MUCH, 4), (SHUT, 100), (ANSWER, 0), (WAIT, 255)], START + ask(1, b"/w") + ask(3, b"/l") + ask(5, b"/n") + ask(7, b"/a")),
    "bad_path": ([], START + ask(1, b"no") + ask(3, b"/a", b"WHAT") + ask(5, b"*", b"OPTIONS")),
    "resets": ([], START + b"".join(ask(2 * i + 1, b"/n") + reset(2 * i + 1) for i in range(210))),
}


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, (script, said) in SEEDS.items():
        first = 0x80 if script is None else len(script)
        (CORPUS / name).write_bytes(bytes([first, *(b for step in script or [] for b in step)]) + said)


main()
