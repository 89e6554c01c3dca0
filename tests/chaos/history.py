"""What the clients did and saw: plain data, written by clients.py while faults happen, judged by checker.py afterwards. Times are of one monotonic clock."""
import collections
import dataclasses


@dataclasses.dataclass
class Message:
    """A numbered message; its key stands in its body. `event_id` is None until it is acknowledged."""
    key: str
    room: str
    began: float
    event_id: str = None
    acknowledged: float = None
    at_front: bool = True  # every attempt of it


@dataclasses.dataclass
class Reader:
    """One line of sync tokens. `after` is what it had seen, by the token it began with: per room the last event. A room that is not in it is read from its beginning."""
    name: str
    user: str
    after: dict = dataclasses.field(default_factory=dict)
    seen: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))     # room -> event ids
    arrived: dict = dataclasses.field(default_factory=dict)                                   # event id -> when; only what came by itself
    asked: list = dataclasses.field(default_factory=list)                                     # (when, answered when, status or None)
    account_data: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))  # type -> numbers

    def snapshot(self):
        return {**self.after, **{room: events[-1] for room, events in self.seen.items() if events}}


@dataclasses.dataclass
class DeviceMessage:
    text: str
    sender: str
    devices: list
    acknowledged: bool = False


@dataclasses.dataclass
class Read:
    """Of a user's account data: what had been acknowledged before it began, and what it found."""
    user: str
    acknowledged: int
    found: int


@dataclasses.dataclass
class Claim:
    device: str
    key: str


@dataclasses.dataclass
class Failure:
    """An attempt that had 429, 502, 503 or 504, or no answer. `at_front`: at the load balancer, as users ask; `wait`: so long was it to wait for something, at most."""
    began: float
    seconds: float
    what: str
    at_front: bool
    wait: float
    how: object  # the status, or what happened instead

    @property
    def ended(self):
        return self.began + self.seconds


class History:
    def __init__(self):
        self.messages = {}                                 # key -> Message
        self.keys_of = {}                                  # event id -> the key in its body, from whoever saw it
        self.other_ids = []                                # (key, id, id): a repeated request was answered with another id
        self.readers = []
        self.orders = {}                                   # (server, room) -> event ids of /messages at the end
        self.names = collections.defaultdict(list)         # name -> who had it acknowledged
        self.names_lost = []                               # acknowledged, and not theirs at the end
        self.uploaded, self.uploaded_perhaps = collections.defaultdict(set), collections.defaultdict(set)  # device -> keys
        self.claims, self.doubtful_claims = [], 0
        self.keys_left = {}                                # device -> how many the server says are left
        self.device_messages = {}                          # text -> DeviceMessage
        self.device_seen = collections.defaultdict(list)   # device -> texts
        self.reads = []
        self.may_come_late = set()                         # (user, number): written again when an attempt had no answer
        self.redacted, self.still_readable = set(), set()  # event ids: acknowledged as redacted; with their content at the end
        self.joined, self.rooms_of = set(), {}             # acknowledged (user, room); (server, user) -> rooms at the end
        self.stuck = []                                    # requests that never got an answer
        self.wrong = []                                    # answers that no client should get
