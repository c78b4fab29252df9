"""Calls that reach the wrong of two servers go on once, signed, over real connections, and are answered as if they had come to the right one."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from basics.readings import Frame
from basics.times import WALL_DOUBT_S, utc_now
from cluster.membership import DEAD_S
from commands.verify import package_report
from media.identity_pictures import IdentityPictures
from records.edx_attempts import student_id_of
from records.edx_exams import prefix_of
from records.package_check import Checked, check_package
from records.seb import proof
from scoring.exam import ExamDefinition
from sessions.ends import End
from tests.helpers.callers import token
from tests.helpers.identity import jpeg
from tests.helpers.openedx import ANN, Edx
from tests.helpers.people import browser_of
from tests.helpers.sessions import store_interval
from tests.helpers.town import House, Town
from tests.helpers.waiting import free_port
from tests.helpers.web import API_TOKEN, PASSWORD, error_of
from web.hop.seal import AGE_S, Forged, Hop, Seals, digest_of
from web.hop.sending import AT_ONCE, MARK, SEAL, SILENT_S, Unreached
from web.student.entry import may_enter
from web.student.seb import own_key

CALLER = "203.0.113.9"
SCRIPT = {"Authorization": f"Bearer {API_TOKEN}"}


@pytest.fixture
def pair(town: Town) -> tuple[House, House]:
    """`a` and `b`, which know each other's address."""
    a, b = (town.house(name, proctor_password=PASSWORD, api_token=API_TOKEN) for name in ("a", "b"))
    for one in (a, b):
        one.serve()
    town.pass_time(2, a, b)
    return a, b


def at(house: House, **headers: str) -> FlaskClient:
    """A script from elsewhere, at one server."""
    client = house.app.test_client()
    client.environ_base |= {"REMOTE_ADDR": CALLER, "HTTP_AUTHORIZATION": SCRIPT["Authorization"], **headers}
    return client


def counts(house: House) -> dict[str, float]:
    return {figure.labels["what"]: figure.value for figure in house.parts.hops.figures()}


def a_clip(house: House, session_id: str, content: bytes) -> str:
    """A clip of this server's, on its disk alone."""
    path = f"ann/{session_id}.mp4"
    (house.settings.clips_dir / "ann").mkdir(parents=True, exist_ok=True)
    (house.settings.clips_dir / path).write_bytes(content)
    clip = {"state": "ready", "path": path, "sha256": hashlib.sha256(content).hexdigest(), "duration": 40.0, "on": house.settings.instance_name}
    return store_interval(house.database, session_id, 0, clip=clip)


def test_a_running_session_is_seen_written_to_and_ended_at_whichever_server(pair: tuple[House, House]) -> None:
    a, b = pair
    session, wrong = a.begin("ann"), at(b)
    url = f"/api/session/{session.session_id}"
    assert wrong.get(f"{url}/details?limit=5").get_json()["session"]["is_running"] is True
    assert [client.get("/api/ready").get_json()["instance"] for client in (wrong, b.app.test_client())] == ["b", None], "told to who is logged in"

    assert wrong.post(f"{url}/mark", json={"note": "look"}).get_json()["mark"]["note"] == "look"
    assert wrong.post(f"{url}/seen", json={}).status_code == 200
    written = wrong.post(f"{url}/message", json={"text": "Ångström?", "by": "Kim"}, headers={"Accept-Language": "de"})
    assert error_of(written, 409)["message_id"] == session.messages.documents()[0]["id"], "kept, and said by who has the session"
    assert session.messages.documents()[0]["text"] == "Ångström?"
    session.take_still(Frame(session.clock(), b"\xff\xd8a still"))
    shown = wrong.get(f"{url}/screen")
    assert (shown.status_code, shown.mimetype, shown.data) == (200, "image/jpeg", b"\xff\xd8a still")
    assert wrong.post(f"{url}/break", json={"on": True}).get_json()["on_break"] is True
    assert session.on_break
    assert error_of(wrong.post(f"{url}/break", json={"on": "perhaps"}), 422)["field"] == "on", "a fault is told as ever"
    link = wrong.post(f"{url}/link", json={}, base_url="https://proctor.example.org").get_json()["portal_url"]
    assert link.startswith("https://proctor.example.org/portal"), "the address is the caller's"

    ended = wrong.post(f"{url}/end", json={"reason": "enough", "by": "Kim"})
    assert (ended.status_code, ended.get_json()["session_id"]) == (200, session.session_id)
    assert not a.has(session.session_id)
    assert a.database.flush(10)
    assert b.database.session(session.session_id)["end_note"] == "enough"
    assert error_of(wrong.post(f"{url}/end", json={}), 409)["session_id"] == session.session_id, "it is over, as each server can tell"

    audit = [one for one in a.database.audit_entries() if one["what"] == "session: ended"]
    assert [(one["who"], one["address"]) for one in audit] == [("Kim", CALLER)]
    assert counts(b) == {"sent": 9, "failed": 0, "taken": 0, "refused": 0}
    assert counts(a)["taken"] == 9


def test_who_takes_an_exam_is_written_to_and_ended_at_every_server(town: Town, pair: tuple[House, House]) -> None:
    a, b = pair
    here, there = a.begin("ann"), b.begin("ben")
    assert a.database.flush(10)
    assert b.database.flush(10)
    written = at(a).post("/api/exam/message", json={"exam_id": "exam", "text": "Ten minutes are left."}).get_json()
    assert (written["sent"], written["waiting"], written["not_reached"]) == (2, 2, [])
    assert [one.messages.documents()[0]["text"] for one in (here, there)] == ["Ten minutes are left."] * 2
    url = f"/api/exams/{a.parts.exams.make(ExamDefinition(exam_id='exam', title='Ethics'), 'test').key}/end"
    assert a.database.flush(10)
    b.hang_up()
    refused = error_of(at(a).post(url, json={"reason": "fire"}), 503)
    assert refused["running"] == 1, "nobody believes that it is over for all"
    assert (a.has(here.session_id), b.has(there.session_id)) == (False, True)
    b.serve()
    town.pass_time(2, b, a)
    ended = at(a).post(url, json={"reason": "fire"}).get_json()
    assert (ended["ended"], ended["not_begun"]) == (1, 0)
    assert not b.has(there.session_id)


def test_a_session_is_ended_by_its_students_id_and_of_several_none(pair: tuple[House, House], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = pair
    first = a.begin("ann")
    second = b.monitor.create("ann", "another", "browser")
    assert b.database.flush(10)
    assert error_of(at(b).post("/api/session/end", json={"user_id": "ann"}), 409)["field"] == "exam_id"
    assert a.has(first.session_id)
    with monkeypatch.context() as patched:
        patched.setattr(b.parts.access, "caller_of", lambda _request: token("sessions", only=["another"]))
        error_of(at(b).post("/api/session/end", json={"user_id": "ann"}), 404)
    assert at(b).post("/api/session/end", json={"user_id": "ANN", "exam_id": "exam"}).get_json()["session_id"] == first.session_id
    assert a.database.flush(10)
    assert at(a).post("/api/session/end", json={"user_id": "ann"}).get_json()["session_id"] == second.session_id


def test_an_attempt_of_open_edx_reaches_the_session_at_whichever_server(pair: tuple[House, House]) -> None:
    a, b = pair
    edx = Edx(a.app)
    exam = edx.exam()
    edx.attempt(exam)
    student, exam_id = student_id_of(edx.installation.id, ANN), prefix_of(edx.installation.id) + exam[:20]

    def begun() -> str:
        session = a.monitor.create(student, exam_id, "browser")
        session.begin()
        assert a.database.flush(10)
        return session.session_id

    edx.client = browser_of(b.app)
    before = begun()
    second = edx.attempt(exam)
    assert not a.has(before), "a new attempt ends the session of the one before"
    during = begun()
    assert edx.says(exam, second, "submitted").get_json() == {"status": "submitted"}
    assert not a.has(during)


def test_a_students_page_is_answered_at_whichever_server(pair: tuple[House, House]) -> None:
    a, b = pair
    session = a.monitor.create("ann", "exam", "browser")
    assert a.database.flush(10)
    bearer = {"Authorization": f"Bearer {a.parts.access.make_student_token(session.session_id)}"}
    page = at(b)
    assert page.get("/api/student/session", headers=bearer).get_json()["elapsed_s"] is not None
    checked = {"results": [{"item": "camera", "state": "ready"}]}
    for call, body in (("check", checked), ("rehearsal", {**checked, "user_id": "whoever"})):
        assert page.post(f"/api/student/{call}", json=body, headers=bearer).get_json() == {"success": True}, call
    asked = page.post("/api/student/identity/face", data=jpeg(), content_type="image/jpeg", headers=bearer)
    assert error_of(asked, 409)["reason"] == "not_asked", "it came there, and is no session that is over"
    assert error_of(page.post("/api/student/identity/face", data=b"x" * (1 << 20 | 1), headers=bearer), 413)
    assert not b.has(session.session_id)


def test_a_page_shows_that_it_is_in_safe_exam_browser_though_the_server_of_its_exam_is_gone(town: Town, pair: tuple[House, House]) -> None:
    a, b = pair
    exam = a.parts.exams.make(ExamDefinition(exam_id="exam", title="Ethics", seb="required"), "test")
    a.parts.exams.set_state(exam.key, "open", by="test")
    session = a.begin("ann")
    bearer = {"Authorization": f"Bearer {a.parts.access.make_student_token(session.session_id)}"}
    page = at(b)
    a.hang_up()
    error_of(page.post("/api/student/seb", json={}, headers=bearer), 503)
    assert not b.has(session.session_id), "its server lives, as far as anybody knows"
    town.pass_time(DEAD_S + 1, b)
    where = page.get("/api/student/session", headers=bearer).get_json()["seb"]["page"]
    with b.app.test_request_context():
        key = own_key(exam)
    said = page.post("/api/student/seb", json={"config_key": proof(f"http://localhost{where}", key)}, headers=bearer).get_json()
    assert (said["mode"], said["state"], b.has(session.session_id)) == ("required", "yes", True)
    assert may_enter(b.parts, session.session_id, said["link_pass"]) is not None
    b.monitor.end_session(session.session_id, End("student"))
    assert b.database.flush(10)
    error_of(page.post("/api/student/seb", json={}, headers=bearer), 409)


def _note(house: House, video_id: str, **fields: str) -> None:
    with house.database.reading():
        house.database.collection("intervals").update_one({"_id": video_id}, {"$set": {f"clip.{name}": value for name, value in fields.items()}})


def _packed(house: House, session_id: str, path: Path) -> tuple[Checked, set[str], str]:
    answer = at(house).get(f"/api/session/{session_id}/package?identity=true", buffered=True)
    assert answer.status_code == 200
    path.write_bytes(answer.data)
    checked = check_package(path)
    assert checked.findings == []
    with zipfile.ZipFile(path) as opened:
        return checked, set(opened.namelist()), package_report(checked, 1.0)


def test_a_package_has_what_lies_on_another_servers_disk_or_says_that_it_is_not_whole(pair: tuple[House, House], tmp_path: Path) -> None:
    a, b = pair
    session, content = a.begin("ann"), b"moving pictures" * 10_000
    video_id = a_clip(a, session.session_id, content)
    kept = IdentityPictures(a.settings.identity_dir).keep_jpeg(session.session_id, "face", jpeg())
    fields = {"user_id": "ann", "exam_id": "exam", f"pictures.{kept.name}": {"kind": "face", "sha256": kept.sha256, "at": utc_now()}}
    assert a.database.write("identity", session.session_id, fields).wait(10)
    files = {f"clips/{video_id}.mp4", f"identity/{kept.name}.jpg"}
    checked, names, report = _packed(b, session.session_id, tmp_path / "whole.zip")
    assert files <= names
    assert (checked.whole, "NOT WHOLE" in report) == (True, False)
    assert hashlib.sha256(zipfile.ZipFile(tmp_path / "whole.zip").read(f"clips/{video_id}.mp4")).digest() == hashlib.sha256(content).digest()
    assert list(b.settings.temp_dir.glob("fetched-*")) == []

    a.hang_up()
    checked, names, report = _packed(b, session.session_id, tmp_path / "lacking.zip")
    assert not files & names
    assert (checked.whole, set(checked.lacking)) == (False, files)
    assert "NOT WHOLE: 2 files" in report
    assert f"clips/{video_id}.mp4 (it is on the server a, which did not give it)" in report


def test_a_package_waits_until_its_call_has_a_place_and_calls_no_server_away_that_lives(
    pair: tuple[House, House], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair
    session = a.begin("ann")
    video_id = a_clip(a, session.session_id, b"moving pictures")
    slots = b.parts.hops._slots
    waited: list[float] = []
    for _ in range(AT_ONCE):
        assert slots.acquire(blocking=False)

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            slots.release()

    monkeypatch.setattr("web.hop.files.sleep", wait)
    checked, names, _report = _packed(b, session.session_id, tmp_path / "whole.zip")
    assert (checked.whole, f"clips/{video_id}.mp4" in names, len(waited)) == (True, True, 3)
    assert slots.acquire(blocking=False)
    checked, _names, report = _packed(b, session.session_id, tmp_path / "lacking.zip")
    assert (checked.whole, len(waited)) == (False, 23)
    assert f"clips/{video_id}.mp4 (it is on the server a, which did not give it)" in report


def test_files_of_another_servers_disk_are_given_whole_and_in_ranges(town: Town, pair: tuple[House, House]) -> None:
    a, b = pair
    session, content = a.begin("ann"), bytes(range(256)) * 1000
    video_id, wrong = a_clip(a, session.session_id, content), at(b)
    for url in (f"/api/video/{video_id}", f"/api/video/file/ann/{session.session_id}.mp4"):
        whole = wrong.get(url)
        assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", content)
        assert whole.headers.getlist("X-Content-Type-Options") == ["nosniff"]
        part = wrong.get(url, headers={"Range": "bytes=100000-199999"})
        assert (part.status_code, part.data) == (206, content[100_000:200_000])
        assert part.headers["Content-Range"] == f"bytes 100000-199999/{len(content)}"
        assert wrong.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
        head = wrong.head(url)
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(content)))

    kept = IdentityPictures(a.settings.identity_dir).keep_jpeg(session.session_id, "face", jpeg())
    fields = {"user_id": "ann", "exam_id": "exam", f"pictures.{kept.name}": {"kind": "face", "sha256": kept.sha256, "at": utc_now()}}
    assert a.database.write("identity", session.session_id, fields).wait(10)
    picture = wrong.get(f"/api/session/{session.session_id}/identity/{kept.name}")
    assert (picture.status_code, hashlib.sha256(picture.data).hexdigest()) == (200, kept.sha256)
    assert error_of(wrong.get(f"/api/session/{session.session_id}/identity/face-{'0' * 16}"), 404)

    a.membership.tell(also=["before"])
    town.pass_time(1, a, b)
    _note(b, video_id, on="before")
    assert wrong.get(f"/api/video/{video_id}", buffered=True).data == content, "it is known by its earlier names"
    assert wrong.get(f"/api/session/{session.session_id}/package/0").status_code == 404, "for servers alone"
    _note(b, video_id, on="a", path="ann/another.mp4")
    error_of(wrong.get(f"/api/video/{video_id}"), 404)
    sent = counts(b)["sent"]
    a.hang_up()
    assert error_of(wrong.get(f"/api/video/{video_id}"), 503)["code"] == "file_away"
    assert counts(b)["sent"] == sent
    assert b.parts.hops._slots._value == AT_ONCE, "every call's place is free again"


def test_where_the_owner_is_gone_calls_are_told_so_and_what_is_stored_is_shown(town: Town, pair: tuple[House, House]) -> None:
    a, b = pair
    session, wrong = a.begin("ann"), at(b)
    url = f"/api/session/{session.session_id}"

    def is_told() -> None:
        for refused in (wrong.post(f"{url}/message", json={"text": "there?"}), wrong.post("/api/session/end", json={"user_id": "ann"})):
            assert "another server" in error_of(refused, 503)["message"]
            assert int(refused.headers["Retry-After"]) > 0
        shown = wrong.get(f"{url}/details").get_json()["session"]
        assert (shown["state"], shown["is_running"]) == ("running", False)

    town.pass_time(SILENT_S, b)
    is_told()
    assert counts(b)["failed"] == 0, "who is silent is not asked: it may hang"
    town.pass_time(1, a, b)
    a.hang_up()
    is_told()
    a.membership.url = f"http://127.0.0.1:{free_port()}"
    town.pass_time(1, a, b)
    is_told()
    town.pass_time(DEAD_S + 1, b)
    assert b.membership.declare_dead("a")
    town.pass_time(1, b)
    is_told()
    assert session.is_running


def test_no_more_calls_are_on_their_way_than_may_be(pair: tuple[House, House]) -> None:
    a, b = pair
    session = a.begin("ann")
    for _ in range(AT_ONCE):
        assert b.parts.hops._slots.acquire(blocking=False)
    refused = at(b).post(f"/api/session/{session.session_id}/break", json={"on": True})
    error_of(refused, 503)
    assert refused.headers["Retry-After"] == "1"
    assert not session.on_break


def test_a_call_goes_on_once(pair: tuple[House, House]) -> None:
    a, b = pair
    session = a.begin("ann")
    url = f"/api/session/{session.session_id}"
    a.monitor.taking.give_up(session.session_id)  # it is on its way from a, and another takes it in the moment in which b asks a
    assert a.database.flush(10)
    wrong, before = at(b), b.database.session

    def as_it_was(session_id: str) -> dict[str, Any]:
        return {**before(session_id), "owner": "a"}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(b.database, "session", as_it_was)
        with a.database.reading():
            a.database.collection("sessions").update_one({"_id": session.session_id}, {"$set": {"owner": "b"}})
        error_of(wrong.post(f"{url}/message", json={"text": "there?"}), 503)
    assert (counts(b)["sent"], counts(a)["taken"], counts(a)["sent"], counts(b)["taken"]) == (1, 1, 0, 0)


def test_what_no_server_has_signed_is_refused(pair: tuple[House, House]) -> None:
    a, b = pair
    session = a.begin("ann")
    url = f"{a.membership.url}/api/session/{session.session_id}/break"

    def refused(headers: dict[str, str], body: bytes = b'{"on": true}') -> bool:
        answer = requests.post(url, data=body, headers={**SCRIPT, "Content-Type": "application/json", **headers}, timeout=30)
        assert answer.status_code in (200, 403)
        return answer.status_code == 403 and answer.headers[MARK] == "refused"

    assert refused({MARK: "1"})
    assert refused({SEAL: "e30=.00"})
    with b.app.test_request_context(url.removeprefix(a.membership.url), base_url=a.membership.url, method="POST", data=b'{"on": true}') as made:
        environ, seals = made.request.environ, b.parts.hops.seals

        def sealed(**other: str) -> dict[str, str]:
            said = {"asked": digest_of(environ, "", b'{"on": true}'), "sender": "b", "to": "a", "address": CALLER, "scheme": "http", "prefix": ""}
            return {MARK: "1", SEAL: seals.sealed(Hop(**{**said, **other}))}

        assert refused(sealed(to="c"))
        assert refused(sealed(), b'{"on": false}')
        stranger = Seals("another key of a server that is not of here")
        assert refused({MARK: "1", SEAL: stranger.sealed(Hop(digest_of(environ, "", b'{"on": true}'), "b", "a", CALLER, "http", ""))})
        assert not session.breaks()
        right = sealed()
    assert not refused(right)
    assert session.on_break
    assert refused(right), "nothing is taken twice"

    b.parts.hops.seals = stranger  # b has another SECRET_KEY
    error_of(at(b).post(f"/api/session/{session.session_id}/break", json={"on": False}), 503)
    assert session.on_break
    b.parts.hops._membership = None  # as where the database is private
    error_of(at(b).get("/api/health", headers={MARK: "1"}), 403)


def test_clocks_that_are_an_hour_off_are_borne_with_and_old_calls_are_not() -> None:
    now, key = 1_700_000_000.0, "k" * 32
    hop = Hop("asked", "a", "b", CALLER, "https", "/proctor")
    fast, slow = Seals(key, lambda: -3600.0, wall=lambda: now + 3600), Seals(key, lambda: 3600.0, wall=lambda: now - 3600)
    assert slow.opened(fast.sealed(hop)) == hop
    later = Seals(key, lambda: 0.0, wall=lambda: now + AGE_S + 1)
    with pytest.raises(Forged, match="61 s old"):
        later.opened(fast.sealed(hop))
    unsure = Seals(key, wall=lambda: now + 3600)
    assert unsure.opened(slow.sealed(hop)) == hop
    with pytest.raises(Forged, match="old"):
        Seals(key, wall=lambda: now + WALL_DOUBT_S + AGE_S + 1).opened(slow.sealed(hop))
    for broken in ("", ".", "x", "é.é", f"{'A' * 5000}.00", "bm8=." + slow._signature(b"bm8=")):
        with pytest.raises(Forged):
            slow.opened(broken)
    with pytest.raises(Forged, match="before this server began"):  # who has just started doesn't know what came to the one before it
        Seals(key, lambda: 0.0, wall=lambda: now + 30, clock=lambda: 1.0).opened(Seals(key, lambda: 0.0, wall=lambda: now).sealed(hop))
    ticks = iter((0.0, 0.0, 1.0, 1e6))
    memory = Seals(key, lambda: 0.0, clock=lambda: next(ticks))
    memory.take(hop)
    with pytest.raises(Forged, match="before"):
        memory.take(hop)
    memory.take(hop)  # by then its age refuses it


def test_a_server_that_is_not_registered_is_asked_for_nothing(pair: tuple[House, House]) -> None:
    hops = pair[1].parts.hops
    with pair[1].app.test_request_context("/api/health") as made:
        for name in ("", "b", "unknown"):
            with pytest.raises(Unreached):
                hops.send(name, made.request)
    assert hops.living(["unknown", "a", "a#2"]) == ["a"]
