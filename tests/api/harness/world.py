"""Sensible values for every parameter and body of the OpenAPI file, made when first asked for: what a valid request needs to exist."""
from urllib.parse import quote

from . import images
from .client import Client, unique
from .keys import CrossSigning, DeviceKeys, curve
from .settings import SERVER_NAME

PUSHER = {"kind": "http", "app_id": "org.example.app", "app_display_name": "App", "device_display_name": "Phone", "pushkey": "key", "lang": "en",
          "data": {"url": "https://push.example.org/_matrix/push/v1/notify"}}
SESSION = {"first_message_index": 1, "forwarded_count": 0, "is_verified": True, "session_data": {"ephemeral": "e", "ciphertext": "c", "mac": "m"}}
BACKUP = {"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": curve("backup"), "signatures": {}}}
THREEPID = {"client_secret": "secret", "sid": "1", "id_server": "id.example.org", "id_access_token": "t"}
EMAIL = {"client_secret": "secret", "email": "a@example.org", "send_attempt": 1}
PHONE = {"client_secret": "secret", "country": "GB", "phone_number": "07700900001", "send_attempt": 1}


class World:
    """One user (alice), others, and her things."""

    def __init__(self, server):
        self.server, self._made = server, {}
        self.alice = Client(server).register(unique("alice"))

    def __getattr__(self, name):
        """self.room is what _room() makes, once."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._made:
            self._made[name] = getattr(self, "_" + name)()
        return self._made[name]

    def _bob(self):
        return Client(self.server).register(unique("bob"))

    def _room(self):
        return self.alice.room_with(self.bob)

    def _event(self):
        return self.alice.say(self.room, "hello")

    def _alias(self):
        alias = f"#{unique('alias')}:{SERVER_NAME}"
        self.alice.ok("PUT", ("directory", "room", alias), {"room_id": self.room})
        return alias

    def _media(self):
        return self.alice.upload(images.png(), "image/png").rsplit("/", 1)[1]

    def _pending_media(self):
        return self.alice.ok("POST", "/_matrix/media/v1/create")["content_uri"].rsplit("/", 1)[1]

    def _filter(self):
        return self.alice.ok("POST", ("user", self.alice.user_id, "filter"), {"room": {"timeline": {"limit": 5}}})["filter_id"]

    def _rule(self):
        self.alice.ok("PUT", ("pushrules", "global", "content", "cake"), {"pattern": "cake", "actions": ["notify"]})
        return "cake"

    def _field(self):
        self.alice.ok("PUT", ("profile", self.alice.user_id, "displayname"), {"displayname": "Alice"})
        return "displayname"

    def _backup(self):
        version = self.alice.ok("POST", ("room_keys", "version"), BACKUP)["version"]
        self.alice.ok("PUT", ("room_keys", "keys", self.room, "session"), SESSION, query={"version": version})
        return version

    def _token(self):
        return self.alice.token_now()

    def _keys(self):
        keys = DeviceKeys(self.alice)
        keys.upload(one_time=1)
        return keys

    def _datum(self):
        self.alice.account_data("org.example.data", {"a": 1})
        self.alice.account_data("org.example.data", {"a": 1}, room=self.room)
        return "org.example.data"

    def _refresh(self):
        return Client(self.server).login(self.alice.user_id, refresh_token=True).refresh_token

    def _banned(self):
        self.alice.member("ban", self.room, self.bob.user_id)
        return self.bob.user_id

    def _left(self):
        """A room that alice has left."""
        room = self.bob.room_with(self.alice)
        self.alice.leave(room)
        return room

    def _signatures(self):
        cross = CrossSigning(self.alice)
        identity = self.keys.identity()
        self.alice.ok("POST", ("keys", "device_signing", "upload"), cross.body())
        return {self.alice.user_id: {self.alice.device_id: cross.signed_device(identity)}}

    # --- values by the file's names ---

    def parameter(self, op, name):
        special = SPECIAL.get((op.id, name))
        return special(self) if special else PARAMETERS[name](self)

    def path(self, op):
        segments = [quote(str(self.parameter(op, s[1:-1])), safe="") if s.startswith("{") else s for s in op.segments]
        return "/".join(segments)

    def prepare(self, op):
        """What a request needs to exist without naming it."""
        if op.id == "getRoomKeysVersionCurrent":
            self.backup

    def query(self, op):
        return {p["name"]: self.parameter(op, p["name"]) for p in op.parameters if p["in"] == "query" and p.get("required")} or None

    def body(self, op):
        """bytes for media, None for operations without a body, else the JSON."""
        if not op.body:
            return None
        if "application/json" not in op.body["content"]:
            return images.png()
        return BODIES[op.id](self) if op.id in BODIES else {}


PARAMETERS = {
    "userId": lambda w: w.alice.user_id, "roomId": lambda w: w.room, "roomIdOrAlias": lambda w: w.room, "eventId": lambda w: w.event,
    "eventType": lambda w: "m.room.message", "stateKey": lambda w: "", "txnId": lambda w: unique("t"), "deviceId": lambda w: w.alice.device_id,
    "serverName": lambda w: SERVER_NAME, "mediaId": lambda w: w.media, "fileName": lambda w: "a picture.png", "filterId": lambda w: w.filter,
    "kind": lambda w: "content", "ruleId": lambda w: w.rule, "roomAlias": lambda w: w.alias, "version": lambda w: w.backup,
    "sessionId": lambda w: "session", "tag": lambda w: "m.favourite", "type": lambda w: w.datum, "keyName": lambda w: w.field,
    "receiptType": lambda w: "m.read", "relType": lambda w: "m.thread", "networkId": lambda w: "net", "protocol": lambda w: "irc",
    "idpId": lambda w: "idp", "appserviceId": lambda w: "irc", "width": lambda w: 32, "height": lambda w: 32, "url": lambda w: "https://example.org/",
    "user_id": lambda w: w.bob.user_id, "token": lambda w: "no-such-token", "ts": lambda w: 0, "dir": lambda w: "b", "from": lambda w: w.token,
    "to": lambda w: w.token, "redirectUrl": lambda w: "https://app.example.org/", "username": lambda w: unique("free"),
    "alias": lambda w: w.alias, "userid": lambda w: w.bob.user_id, "room_id": lambda w: w.room,
}
SPECIAL = {
    ("getEventByTimestamp", "dir"): lambda w: "f", ("setRoomAlias", "roomAlias"): lambda w: f"#{unique('new')}:{SERVER_NAME}",
    ("uploadContentToMXC", "mediaId"): lambda w: w.pending_media, ("setRoomStateWithKey", "eventType"): lambda w: "m.room.topic",
    ("getRoomStateWithKey", "eventType"): lambda w: "m.room.create", ("sendToDevice", "eventType"): lambda w: "m.test",
    ("forgetRoom", "roomId"): lambda w: w.left, ("joinRoomById", "roomId"): lambda w: w.bob.create_room(preset="public_chat"),
    ("joinRoom", "roomIdOrAlias"): lambda w: w.bob.create_room(preset="public_chat"),
    ("knockRoom", "roomIdOrAlias"): lambda w: w.bob.create_room(initial_state=[{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}]),
    ("reportUser", "userId"): lambda w: w.bob.user_id, ("setTyping", "roomId"): lambda w: w.room,
}


def _auth_dummy(w):
    return {"auth": {"type": "m.login.dummy"}, "username": unique("new"), "password": "a long password"}


BODIES = {
    "register": _auth_dummy, "refresh": lambda w: {"refresh_token": w.refresh}, "changePassword": lambda w: {"new_password": "another password"},
    "login": lambda w: {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": w.alice.user_id}, "password": w.alice.password},
    "createRoom": lambda w: {"preset": "public_chat", "name": "A room"}, "ban": lambda w: {"user_id": w.bob.user_id, "reason": "no"},
    "kick": lambda w: {"user_id": w.bob.user_id}, "unban": lambda w: {"user_id": w.banned},
    "inviteUser": lambda w: {"user_id": Client(w.server).register(unique("carol")).user_id},
    "inviteBy3PID": lambda w: {"address": "a@example.org", "medium": "email", "id_server": "id.example.org", "id_access_token": "t"},
    "deleteDevices": lambda w: {"devices": [w.alice.device_id]}, "updateDevice": lambda w: {"display_name": "Phone"},
    "setRoomVisibilityOnDirectory": lambda w: {"visibility": "public"}, "updateAppserviceRoomDirectoryVisibility": lambda w: {"visibility": "public"},
    "setRoomAlias": lambda w: {"room_id": w.room}, "queryKeys": lambda w: {"device_keys": {w.keys.user: []}},
    "claimKeys": lambda w: {"one_time_keys": {w.keys.user: {w.keys.device: "signed_curve25519"}}},
    "uploadKeys": lambda w: {"device_keys": DeviceKeys(w.alice).identity(), "one_time_keys": DeviceKeys(w.alice).one_time(2),
                             "fallback_keys": DeviceKeys(w.alice).fallback()},
    "uploadCrossSigningKeys": lambda w: CrossSigning(w.alice).body(), "uploadCrossSigningSignatures": lambda w: w.signatures,
    "setPresence": lambda w: {"presence": "online", "status_msg": "here"}, "setProfileField": lambda w: {"displayname": "Alice"},
    "queryPublicRooms": lambda w: {"limit": 5, "filter": {"generic_search_term": "x"}}, "postPusher": lambda w: PUSHER,
    "setPushRule": lambda w: {"pattern": "cake", "actions": ["notify"]}, "setPushRuleActions": lambda w: {"actions": ["notify"]},
    "setPushRuleEnabled": lambda w: {"enabled": False}, "putRoomKeys": lambda w: {"rooms": {w.room: {"sessions": {"session": SESSION}}}},
    "putRoomKeysByRoomId": lambda w: {"sessions": {"session": SESSION}}, "putRoomKeyBySessionId": lambda w: SESSION,
    "postRoomKeysVersion": lambda w: BACKUP, "putRoomKeysVersion": lambda w: {**BACKUP, "version": w.backup},
    "setReadMarker": lambda w: {"m.fully_read": w.event, "m.read": w.event}, "reportRoom": lambda w: {"reason": "spam"},
    "reportEvent": lambda w: {"reason": "spam"}, "reportUser": lambda w: {"reason": "spam"}, "sendMessage": lambda w: {"msgtype": "m.text", "body": "x"},
    "setRoomStateWithKey": lambda w: {"topic": "x"}, "setTyping": lambda w: {"typing": True, "timeout": 2000},
    "upgradeRoom": lambda w: {"new_version": "11"}, "search": lambda w: {"search_categories": {"room_events": {"search_term": "hello"}}},
    "sendToDevice": lambda w: {"messages": {w.bob.user_id: {"*": {"a": 1}}}}, "setAccountData": lambda w: {"a": 2},
    "setAccountDataPerRoom": lambda w: {"a": 2}, "defineFilter": lambda w: {"room": {"timeline": {"limit": 3}}}, "setRoomTag": lambda w: {"order": 0.5},
    "searchUserDirectory": lambda w: {"search_term": "bob"}, "redactEvent": lambda w: {"reason": "typo"},
    "setAdminLockUser": lambda w: {"locked": True}, "setAdminSuspendUser": lambda w: {"suspended": True},
    "post3PIDs": lambda w: {"three_pid_creds": THREEPID}, "add3PID": lambda w: {"client_secret": "secret", "sid": "1"}, "bind3PID": lambda w: THREEPID,
    "delete3pidFromAccount": lambda w: {"medium": "email", "address": "a@example.org"},
    "unbind3pidFromAccount": lambda w: {"medium": "email", "address": "a@example.org"},
    "requestTokenTo3PIDEmail": lambda w: EMAIL, "requestTokenToResetPasswordEmail": lambda w: EMAIL, "requestTokenToRegisterEmail": lambda w: EMAIL,
    "requestTokenTo3PIDMSISDN": lambda w: PHONE, "requestTokenToResetPasswordMSISDN": lambda w: PHONE, "requestTokenToRegisterMSISDN": lambda w: PHONE,
}
