"""The network between the parts: a process through which every connection of every server goes, in both directions, so that it can be cut or slowed.

Reads lines of JSON: {"add": NAME, "group": GROUP, "at": [HOST, PORT], "to": [HOST, PORT] or PATH}, {"to": ..., "of": NAME}, {"group": GROUP, "cut": true|false},
{"group": GROUP, "delay": SECONDS}; answers each with "done". What is cut is not closed: bytes wait, as they do where packets are lost, and come when it is healed."""
import asyncio
import json
import sys
import time

CHUNK = 1 << 16
MOST_WAITING = 64  # chunks of one direction
LOOK_SECONDS = 0.02


class Group:
    """The links of one server."""

    def __init__(self):
        self.whole, self.delay = asyncio.Event(), 0.0
        self.whole.set()


class Link:
    def __init__(self, group, at, to):
        self.group, self.at, self.to = group, at, to
        self.server = self.waiting = None

    async def listen(self):
        self.server = await asyncio.start_server(self.serve, *self.at)

    def there(self):
        return asyncio.open_unix_connection(self.to) if isinstance(self.to, str) else asyncio.open_connection(*self.to)

    async def refuse(self):
        """Nobody listens there, so nobody does here, until somebody does."""
        self.server.close()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                _, writer = await self.there()
                writer.close()
                break
            except OSError:
                pass
        await self.listen()
        self.waiting = None

    async def serve(self, reader, writer):
        await self.group.whole.wait()
        try:
            there = await self.there()
        except OSError as e:
            writer.transport.abort()
            if isinstance(e, (ConnectionRefusedError, FileNotFoundError)) and not self.waiting:
                self.waiting = asyncio.ensure_future(self.refuse())
            return
        await asyncio.gather(self.carry(reader, there[1]), self.carry(there[0], writer))
        for w in (writer, there[1]):
            w.close()

    async def carry(self, reader, writer):
        """One direction. An end that dies takes the other with it."""
        waiting = asyncio.Queue(MOST_WAITING)
        delivering = asyncio.ensure_future(self.deliver(waiting, writer))
        try:
            while data := await reader.read(CHUNK):
                await waiting.put((time.monotonic() + self.group.delay, data))
        except OSError:
            pass
        await waiting.put((0, b""))
        await delivering

    async def deliver(self, waiting, writer):
        dead = False
        while True:
            when, data = await waiting.get()
            if not data:
                break
            await asyncio.sleep(max(0.0, when - time.monotonic()))
            await self.group.whole.wait()
            if not dead:
                dead = not await send(writer, data)
        await self.group.whole.wait()
        writer.close()


async def send(writer, data):
    try:
        writer.write(data)
        await writer.drain()
        return True
    except OSError:
        writer.transport.abort()
        return False


class Links:
    def __init__(self):
        self.groups, self.links = {}, {}

    def group(self, name):
        return self.groups.setdefault(name, Group())

    async def obey(self, order):
        to = tuple(order["to"]) if isinstance(order.get("to"), list) else order.get("to")
        if "add" in order:
            self.links[order["add"]] = link = Link(self.group(order["group"]), order["at"], to)
            await link.listen()
        elif "of" in order:
            self.links[order["of"]].to = to
        else:
            group = self.group(order["group"])
            group.delay = order.get("delay", group.delay)
            if "cut" in order:
                (group.whole.clear if order["cut"] else group.whole.set)()


async def main():
    links, reader = Links(), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await links.obey(json.loads(line))
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
