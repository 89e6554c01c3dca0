"""matrix-nio, an independent client in Python, with its own encryption. Usage: nio_client.py URL"""
import asyncio
import io
import sys
import tempfile
import time

from nio import AsyncClient, AsyncClientConfig, DownloadResponse, JoinResponse, RegisterResponse, RoomCreateResponse, RoomMessageText, RoomSendResponse, UploadResponse

RUN = f"{time.time_ns():x}"


async def step(name, work, seconds=60):
    try:
        result = await asyncio.wait_for(work, seconds)
    except Exception as error:
        print(f"not ok {name}: {type(error).__name__} {error}", flush=True)
        raise
    print(f"ok {name}", flush=True)
    return result


def expect(answer, kind):
    assert isinstance(answer, kind), answer
    return answer


async def client(base, name):
    config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
    c = AsyncClient(base, f"{name}{RUN}", store_path=tempfile.mkdtemp(prefix="rookery-nio-"), config=config)
    expect(await c.register(f"{name}{RUN}", f"password of {name}", device_name="nio"), RegisterResponse)
    c.heard = []
    c.add_event_callback(lambda room, event: c.heard.append(event), RoomMessageText)
    c.loop = asyncio.create_task(c.sync_forever(timeout=3000, full_state=True))
    await c.synced.wait()
    return c


async def until(find):
    while not (found := find()):
        await asyncio.sleep(0.05)
    return found


async def rooms(alice, bob, encrypted):
    state = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}] if encrypted else []
    room = expect(await alice.room_create(invite=[bob.user_id], initial_state=state), RoomCreateResponse).room_id
    await until(lambda: room in bob.invited_rooms)
    expect(await bob.join(room), JoinResponse)
    for c in (alice, bob):
        await until(lambda: room in c.rooms and len(c.rooms[room].users) == 2 and c.rooms[room].encrypted == encrypted)
    return room


async def talk(alice, bob, room, text):
    content = {"msgtype": "m.text", "body": text}
    expect(await alice.room_send(room, "m.room.message", content, ignore_unverified_devices=True), RoomSendResponse)
    event = await until(lambda: next((e for e in bob.heard if e.body == text), None))
    assert event.sender == alice.user_id
    return event


async def files(c):
    data = bytes(range(256)) * 100
    answer, _ = await c.upload(lambda *_: io.BytesIO(data), content_type="application/octet-stream", filename="file.bin", filesize=len(data))
    uri = expect(answer, UploadResponse).content_uri
    assert expect(await c.download(mxc=uri), DownloadResponse).body == data


async def main(base):
    alice = await step("nio: register, sync", client(base, "nioalice"))
    bob = await step("nio: a second user", client(base, "niobob"))
    try:
        room = await step("nio: create, invite, join", rooms(alice, bob, False))
        await step("nio: send", talk(alice, bob, room, "plain"))
        secret = await step("nio: an encrypted room", rooms(alice, bob, True))
        event = await step("nio: encrypted messages", talk(alice, bob, secret, "hidden"))
        assert event.decrypted
        await step("nio: encrypted messages back", talk(bob, alice, secret, "hidden too"))
        await step("nio: upload", files(alice))
    finally:
        for c in (alice, bob):
            c.loop.cancel()
            await c.close()


asyncio.run(main(sys.argv[1]))
