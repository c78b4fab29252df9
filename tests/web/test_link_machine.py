"""A student's exam over the link, as hypothesis plays it: pages that come, go, repeat themselves and say what nobody would, while proctors act."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.helpers.exam import Page, PlainExam
from tests.helpers.sent_media import opus_messages, tone

OPUS = opus_messages(tone(0.2))[0]
STEP_S = st.sampled_from([0.0, 0.1, 0.25, 1.0, 5.0, 11.0])
PAYLOADS: dict[str, list[tuple[Any, bytes]]] = {
    "picture": [("jpeg", b"\xff\xd8\xff\xe0 no picture"), ("h264", b"\x00\x00\x01\x65 no picture"), ("pcm16", b"\0" * 40)],
    "sound": [("pcm16", b"\0" * 3200), ("opus", OPUS), ("opus", b"\x05\x00abcde"), ("jpeg", b"\xff\xd8")],
    "still": [("jpeg", b"\xff\xd8\xff\xe0 no picture"), ("h264", b"\x00\x00\x01\x67")],
}

SERVER_SAYS = {"clock", "welcome", "received", "acts", "quality", "message", "pause", "slower", "faster", "key", "error", "ended", "replaced"}


class Link(RuleBasedStateMachine):
    """One exam and the pages that serve it one after another; acts are numbered, so that each is told from the others."""

    @initialize()
    def begin(self) -> None:
        self.exam = PlainExam()
        self.now = 20.0
        self.said: dict[str, Any] = {}  # acts by id, as they were said first
        self.acknowledged: set[str] = set()
        self.read_to = 0
        self.page = Page(self.exam, now=self.now)

    @property
    def talks(self) -> bool:
        return self.page.talk.over is None

    # Time and connections

    @rule(seconds=STEP_S)
    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds
        if self.talks:
            for message in self.page.turn(seconds):
                if message["type"] == "clock":
                    self.page.say("clock", id=message["id"], server_ms=message["server_ms"], page_ms=self.page.ms())
        else:
            self.page.now = self.now

    @rule(seconds=STEP_S)
    def say_nothing(self, seconds: float) -> None:
        """The page is told the time and does not answer."""
        self.now += seconds
        if self.talks:
            self.page.turn(seconds)
            self.page.heard += self.page.talk.take(None, self.now)
        self.page.now = self.now

    @rule()
    def come_again(self) -> None:
        """The connection is lost, and the page comes with all that is not acknowledged."""
        self.read_all()
        self.page, self.read_to = Page(self.exam, now=self.now), 0
        self.page.answer_clock()
        waiting = [self.said[act_id] for act_id in self.said if act_id not in self.acknowledged]
        for begin in range(0, len(waiting), 200):
            self.page.say("acts", acts=waiting[begin : begin + 200])

    # What the page says

    @precondition(lambda self: self.talks)
    @rule(kind=st.sampled_from(["copy", "paste", "tab_hidden", "tab_visible"]), ago=st.sampled_from([0.0, 0.5, 3.0]))
    def act(self, kind: str, ago: float) -> None:
        act_id = f"act-{len(self.said):06}"
        act = self.said[act_id] = {"id": act_id, "kind": kind, "page_ms": self.page.ms(max(0.0, self.now - ago))}
        self.page.say("acts", acts=[act])

    @precondition(lambda self: self.talks and self.said)
    @rule(data=st.data())
    def repeat_an_act(self, data: st.DataObject) -> None:
        act_id: str = data.draw(st.sampled_from(sorted(self.said)))
        self.page.say("acts", acts=[self.said[act_id]])

    @precondition(lambda self: self.talks)
    @rule(kind=st.sampled_from(sorted(PAYLOADS)), number=st.integers(0, 3), late=st.sampled_from([-30.0, -1.0, 0.0, 0.2, 60.0]))
    def send_media(self, kind: str, number: int, late: float) -> None:
        listed = PAYLOADS[kind]
        codec, payload = listed[number % len(listed)]
        self.page.send(kind, codec, payload, at=self.now + late, sequence=number)

    @precondition(lambda self: self.talks)
    @rule(on=st.booleans())
    def take_a_break(self, on: bool) -> None:
        self.page.say("break", on=on)

    @precondition(lambda self: self.talks)
    @rule(device=st.sampled_from(["camera", "microphone", "screen"]), state=st.sampled_from(["ok", "lost", "frozen", "denied"]))
    def report_a_device(self, device: str, state: str) -> None:
        self.page.say("device", device=device, state=state, reason="")

    @precondition(lambda self: self.talks)
    @rule(data=st.text(max_size=40) | st.binary(max_size=40) | st.sampled_from(['{"type": "clock"}', '{"type": "acts", "acts": 1}', "[]", "{}"]))
    def say_nonsense(self, data: str | bytes) -> None:
        self.page.hand_in(data)

    # What happens to the exam

    @rule(safe=st.sampled_from([True, True, None, False]))
    def decide_writes(self, safe: bool | None) -> None:
        """The database takes what waits, or refuses it; and so it goes on."""
        self.exam.safe = safe
        for receipt in self.exam.receipts:
            receipt.safe = safe if receipt.safe is None else receipt.safe

    @rule()
    def pause(self) -> None:
        if not self.exam.on_break:
            self.exam.pause("proctor", "a break")

    @precondition(lambda self: self.talks)
    @rule(word=st.sampled_from(["key", "quality"]))
    def tell(self, word: str) -> None:
        self.page.talk.say({"type": word})

    @precondition(lambda self: self.talks)
    @rule(word=st.sampled_from(["ended", "replaced"]))
    def end(self, word: str) -> None:
        self.page.talk.say({"type": word, "reason": "ended by the proctor", "code": "proctor", "note": ""})
        self.page.turn()
        assert self.page.talk.over == word
        assert self.page.heard[-1]["type"] == word  # the last word

    # What always holds

    def read_all(self) -> None:
        """Take down what the page has been told since."""
        for message in self.page.heard[self.read_to :]:
            json.dumps(message, allow_nan=False)
            assert message["type"] in SERVER_SAYS
            if message["type"] == "acts":
                self.acknowledged.update(message["ids"])
        self.read_to = len(self.page.heard)

    @invariant()
    def what_is_acknowledged_is_safe(self) -> None:
        if not hasattr(self, "exam"):
            return
        self.read_all()
        safe = {act.id for act, receipt in zip(self.exam.acts, self.exam.receipts, strict=True) if receipt.safe}
        assert self.acknowledged <= safe
        assert self.acknowledged <= self.said.keys()

    @invariant()
    def what_the_exam_has_lies_within_it(self) -> None:
        if not hasattr(self, "exam"):
            return
        times = [frame.at for frame in self.exam.frames] + [sound.at for sound in self.exam.sounds] + [act.at for act in self.exam.acts]
        assert all(0 <= at <= self.now + 1 for at in times)

    @invariant()
    def an_act_is_the_one_that_was_said(self) -> None:
        if not hasattr(self, "exam"):
            return
        assert all(act.kind == self.said[act.id]["kind"] for act in self.exam.acts)


Link.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLink = Link.TestCase
