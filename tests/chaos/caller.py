"""Requests as good clients make them: what had no answer, or 429, 502, 503 or 504, is asked again, under the same transaction id; never is it taken for an acknowledgement."""
import asyncio
import collections
import json
import random
import time
import urllib.parse

import aiohttp

from history import Failure

PREFIX = "/_matrix/client/v3/"
AGAIN = (429, 502, 503, 504)
NO_ANSWER = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
REQUEST_SECONDS, PATIENCE_SECONDS = 10, 180
FIRST_REST, LONGEST_REST = 0.05, 1.0


class GaveUp(Exception):
    pass


class Answer:
    def __init__(self, status, body, retry_after=None):
        self.status, self.body, self.retry_after = status, body, retry_after
        self.first = True  # no attempt before it went unanswered

    @property
    def errcode(self):
        return self.body.get("errcode", "")


def path_of(parts):
    return PREFIX + "/".join(urllib.parse.quote(part, safe="") for part in parts)


def rest_of(answer, rest):
    """How long to wait before the next attempt: what the server says, or a little more each time."""
    if answer and isinstance(answer.body.get("retry_after_ms"), int):
        return answer.body["retry_after_ms"] / 1000
    if answer and answer.retry_after:
        return float(answer.retry_after)
    return rest


class Caller:
    """`front` is the load balancer; `servers` are what is behind it, for clients that move between them."""

    def __init__(self, history, front, servers):
        self.history, self.front, self.servers = history, front, list(servers)
        self.statuses = collections.Counter()
        self.failures = []
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30))

    async def call(self, method, path, body=None, token=None, base=None, timeout=REQUEST_SECONDS, query=None):
        """One attempt: the Answer, or None."""
        path = path if isinstance(path, str) else path_of(path)
        began, how, answer = time.monotonic(), None, None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self.session.request(method, (base or self.front) + path, json=body, headers=headers, params=query,
                                            timeout=aiohttp.ClientTimeout(total=timeout)) as r:
                text = await r.read()
                answer = Answer(r.status, json.loads(text) if "json" in r.content_type else {}, r.headers.get("Retry-After"))
                how = r.status
        except NO_ANSWER as e:
            how = "timeout" if isinstance(e, asyncio.TimeoutError) else "no answer"
        except ValueError:
            how = "cut off"
        self.statuses[how] += 1
        if answer is None or answer.status in AGAIN:
            wait = int((query or {}).get("timeout", 0)) / 1000
            self.failures.append(Failure(round(began, 3), round(time.monotonic() - began, 3), f"{method} {base or 'front'}{path[len(PREFIX) - 1:]}", base is None, wait, how))
        return answer

    async def insist(self, method, path, body=None, anywhere=False, allowed=(200,), **options):
        """Until there is an answer that counts; GaveUp where none comes. `anywhere`: each attempt at another server."""
        rest, end, first = FIRST_REST, time.monotonic() + PATIENCE_SECONDS, True
        while True:
            if anywhere:
                options["base"] = random.choice(self.servers)
            answer = await self.call(method, path, body, **options)
            if answer and answer.status not in AGAIN:
                break
            if time.monotonic() > end:
                self.history.stuck.append(f"{method} {path}: {answer and answer.status} {answer and answer.body}")
                raise GaveUp
            await asyncio.sleep(min(rest_of(answer, rest), 5))
            rest, first = min(rest * 2, LONGEST_REST), False
        answer.first = first
        if answer.status not in allowed:
            self.history.wrong.append(f"{method} {path}: {answer.status} {answer.body}")
        return answer
