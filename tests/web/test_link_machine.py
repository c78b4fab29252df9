"""The student's link as a machine that anybody may drive: pages that come, go, lie and flood, a database that stands still, proctors who speak.

Whatever they do and in whatever order: nothing is raised, what is acknowledged is kept, all that is kept lies within the session and can be
stored and answered, and what one connection holds stays bounded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sized
from pathlib import Path
from typing import Any

import bson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from basics.times import utc_now
from bench.session import FootageClock, Memory
from media.recorder import Recorder
from scoring.accommodations import Accommodation
from scoring.rules import Rules
from sessions.ends import End
from sessions.events import Events
from sessions.identity import Identity
from sessions.models import Models
from sessions.session import ExamSession
from settings.settings import Settings, load_settings
from storage.writes import NONE, Fields
from tests.helpers.exam import AHEAD_MS, VIDEO, PlainReceipt
from tests.helpers.sent_media import PICTURE, opus_messages, tone
from web.proctor.answers import active_session
from web.student.conversation import ACTS_WAITING_MAX, PROBLEMS_TOLD, WAITING_MAX, Conversation
from web.student.exam import Terms
from web.student.protocol import ACT_KINDS, DEVICES, HEADER, STATES

SETTINGS: Settings = load_settings(_env_file=None)
TERMS = Terms(VIDEO, 10.0, 64, 1_000_000, "optional")
FOLDER = Path("never-written")
OPUS = opus_messages(tone(0.2))[0]

sides = st.sampled_from([0.0, 1.0, -1.0, 30.0, -30.0, 3600.0, 1e9, -1e9, 1e14, 1e300, -1e300, math.nan, math.inf])
odd: st.SearchStrategy[Any] = st.sampled_from(
    ["", "plain", "é", "\ud800", "\x00", "\x1b[2J", "\u202e", "\u2028", "two\nlines", "x" * 500, "a.b$c", 5, True, None, [], {"$set": 1}, 10**30]
)
good_acts = st.fixed_dictionaries(
    {
        "id": st.sampled_from([f"act-{number:06}" for number in range(12)]),
        "kind": st.sampled_from(sorted(ACT_KINDS)),
        "page_ms": sides,  # seconds from now, until it is said
        "detail": st.sampled_from(["", "here"]),
    }
)
acts = good_acts | st.tuples(good_acts, st.sampled_from(["id", "kind", "page_ms", "detail"]), odd).map(lambda told: {**told[0], told[1]: told[2]})


class Store(Memory):
    """A database that takes what MongoDB takes, when it stands still only later. Raises what BSON can't hold."""

    def __init__(self) -> None:
        super().__init__()
        self.still = False
        self.receipts: dict[str, list[PlainReceipt]] = {}

    def write(self, collection: str, document_id: str, fields: dict[str, Any], *, insert_only: bool = False, new: Fields = NONE) -> Any:
        bson.encode({"_id": document_id, **fields})
        receipt = PlainReceipt(None if self.still else True)
        if collection == "acts":
            self.receipts.setdefault(document_id.partition(":")[2], []).append(receipt)
        super().write(collection, document_id, fields, insert_only=insert_only, new=new)
        return receipt


class LinkMachine(RuleBasedStateMachine):
    """One exam, its pages one after another, and all who speak to them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.store, self.events = FootageClock(), Store(), Events()
        self.session = ExamSession(
            Identity("0" * 32, "student", "exam", "browser"),
            rules=Rules.from_settings(SETTINGS),
            settings=SETTINGS,
            models=Models(),
            storage=self.store,
            recorder=Recorder(FOLDER, FOLDER),
            events=self.events,
            clock=self.clock,
            started_at=utc_now(),
            start=0.0,
            accommodation=Accommodation(user_id="student", exam_id="exam", breaks_allowed=2),
        )
        self.acknowledged: set[str] = set()
        self.clock_asked: dict[str, Any] | None = None
        self.errors = 0
        self.come()

    # What the pages do

    @rule()
    def come(self) -> None:
        """A page comes, or comes back."""
        self.talk = Conversation(
            self.session,
            TERMS,
            now=self.session.clock(),
            notices=list,
            end=lambda: self.session.end("ended", End("student")) if self.session.is_running else None,
        )
        self.errors = 0
        self.clock_asked = None
        self.say_due()

    @rule(shift=sides)
    def answer_clock(self, shift: float) -> None:
        if self.clock_asked is not None:
            self.say({**self.clock_asked, "page_ms": self.page_ms() + shift * 1000})
            self.say_due()

    @precondition(lambda self: not self.talk._welcomed)
    @rule()
    def be_welcomed(self) -> None:
        for _ in range(4):
            self.answer_clock(0.0)
            self.pass_time(1.0)

    @precondition(lambda self: self.talk._clock.known)
    @rule(listed=st.lists(acts, min_size=1, max_size=4))
    def do(self, listed: list[dict[str, Any]]) -> None:
        now = self.page_ms()
        told = [{**act, "page_ms": now + act["page_ms"] * 1000 if isinstance(act["page_ms"], float) else act["page_ms"]} for act in listed]
        self.say({"type": "acts", "acts": told})

    @rule(device=st.sampled_from(sorted(DEVICES)), state=st.sampled_from(sorted(STATES)), reason=odd)
    def tell_device(self, device: str, state: str, reason: Any) -> None:
        self.say({"type": "device", "device": device, "state": state, "reason": reason})

    @rule(
        kind=st.sampled_from(["break", "call", "uncall", "read", "clock", "acts", "device"]) | odd,
        name=st.sampled_from(["on", "id", "page_ms", "acts", "device", "text"]),
        value=odd,
    )
    def say_nonsense(self, kind: Any, name: str, value: Any) -> None:
        self.say({"type": kind, name: value})

    @rule(on=st.booleans())
    def take_a_break(self, on: bool) -> None:
        self.say({"type": "break", "on": on})

    @rule(
        kind=st.integers(0, 4),
        codec=st.integers(0, 5),
        sequence=st.integers(0, 5),
        shift=sides,
        payload=st.sampled_from([b"x", PICTURE, OPUS, bytes(3200)]),
    )
    def send_media(self, kind: int, codec: int, sequence: int, shift: float, payload: bytes) -> None:
        self.hand_in(HEADER.pack(kind, codec, 1, 1, sequence, self.page_ms() + shift * 1000) + payload)

    @rule(text=st.text(max_size=20) | st.binary(max_size=30))
    def send_noise(self, text: str | bytes) -> None:
        self.hand_in(text)

    @rule()
    def flood(self) -> None:
        for number in range(60):
            self.say({"type": "acts", "acts": [{"id": f"flood-{number:06}", "kind": "window_focus", "page_ms": self.page_ms()}]})
            self.say({"type": "device", "device": "microphone", "state": ("ok", "lost")[number % 2]})

    @precondition(lambda self: self.session.is_running)
    @rule()
    def end(self) -> None:
        self.say({"type": "end"})
        assert not self.session.is_running

    # What others do

    @rule(seconds=st.sampled_from([0.1, 1.0, 11.0, 40.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.session.tick()
        self.say_due()

    @rule(still=st.booleans())
    def database(self, still: bool) -> None:
        self.store.still = still
        if not still:
            for receipts in self.store.receipts.values():
                for receipt in receipts:
                    receipt.safe = True

    @precondition(lambda self: len(self.session.messages.documents()) < 20)
    @rule()
    def write_to_student(self) -> None:
        self.session.talk.send("Light, please", "message", "Ada")

    @rule()
    def pause_or_go_on(self) -> None:
        if not self.session.is_running:
            return
        if self.session.on_break:
            self.session.end_break()
        else:
            self.session.begin_break("Ada")

    # How it goes

    def page_ms(self) -> float:
        return AHEAD_MS + self.clock.now * 1000

    def say(self, message: dict[str, Any]) -> None:
        self.hand_in(json.dumps(message))

    def hand_in(self, data: str | bytes) -> None:
        self.hear(self.talk.take(data, self.session.clock()))

    def say_due(self) -> None:
        self.hear(list(self.talk.due(self.session.clock())))

    def hear(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            text = json.dumps(message, ensure_ascii=False)
            text.encode()
            assert len(text) < 60_000 if message["type"] == "acts" else len(text) < 2000
            if message["type"] == "clock":
                self.clock_asked = message
            elif message["type"] == "acts":
                for act_id in message["ids"]:
                    assert any(receipt.safe for receipt in self.store.receipts[act_id]), "acknowledged means safe"
                    self.acknowledged.add(act_id)
            elif message["type"] == "error" and "about" not in message and "act_id" not in message:  # those are told each time
                self.errors += 1

    @invariant()
    def what_is_kept_lies_within_the_session(self) -> None:
        now = self.clock.now
        for act in self.store.documents.get("acts", {}).values():
            assert 0 <= act["at"] <= now
        assert len(self.session.intervals()) <= now / SETTINGS.interval_duration + 1
        for interval in self.store.documents.get("intervals", {}).values():
            assert interval["start"] <= now

    @invariant()
    def what_is_acknowledged_is_kept(self) -> None:
        assert self.acknowledged <= {each.partition(":")[2] for each in self.store.documents.get("acts", {})}

    @invariant()
    def it_can_be_answered(self) -> None:
        active_session(self.session, "Ann").model_dump_json()

    @invariant()
    def it_holds_a_bounded_number_of_things(self) -> None:
        assert self.errors <= PROBLEMS_TOLD
        assert all(len(held) <= max(WAITING_MAX, ACTS_WAITING_MAX) for held in vars(self.talk).values() if isinstance(held, Sized))
        assert all(len(receipts) == 1 for receipts in self.store.receipts.values()), "an act that waits or is safe is written once"

    def teardown(self) -> None:
        if self.session.is_running:
            self.session.end("ended", End("call"))
        self.session.close()


LinkMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
test_the_link_holds_whoever_drives_it = LinkMachine.TestCase
