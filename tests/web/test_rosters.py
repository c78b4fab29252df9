"""The students of an exam: imported again and again, told apart, with links and codes that let in whom they should."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import time
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
import segno
from flask.testing import FlaskClient

from basics.errors import StorageError
from records.entry_codes import EntryKeys, read_code
from sessions.ends import End
from sessions.entries import enter_by_list
from tests.helpers.web import MakeApp, error_of, local_client
from web.parts import Parts, parts_of
from web.proctor.roster_links import QR_MASK

_exams = itertools.count(1)


@pytest.fixture
def key(client: FlaskClient) -> str:
    return define(client)


def define(client: FlaskClient, state: str = "open", **more: Any) -> str:
    answer = client.post("/api/exams", json={"exam_id": f"roster-{next(_exams)}", "title": "Algebra", **more})
    assert answer.status_code == 200, answer.data
    made: str = answer.get_json()["exam"]["exam_key"]
    if state != "draft":
        assert client.post(f"/api/exams/{made}/state", json={"state": state}).status_code == 200
    return made


def take(client: FlaskClient, key: str, text: str, **more: Any) -> dict[str, Any]:
    answer = client.post(f"/api/exams/{key}/roster", json={"text": text, **more})
    assert answer.status_code == 200, answer.data
    content: dict[str, Any] = answer.get_json()
    return content


def students(client: FlaskClient, key: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/exams/{key}/roster", query_string=query).get_json()["students"]
    return found


def links(client: FlaskClient, key: str) -> dict[str, dict[str, str]]:
    text = client.get(f"/api/exams/{key}/roster/links.csv").data.decode("utf-8-sig")
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text))}


def secret(link: str) -> str:
    return link.partition("#r=")[2]


def test_a_list_is_previewed_imported_and_imported_again_without_doubles(client: FlaskClient, key: str, student: str) -> None:
    text = f"Matrikelnummer;Name;E-Mail;Zeitverlängerung\n{student};Müller, Änne;a@uni.example;25 %\n{student}-b;Bo;;\n"
    seen = client.post(f"/api/exams/{key}/roster/preview", json={"file": base64.b64encode(text.encode("cp1252")).decode()}).get_json()
    assert (seen["encoding"], seen["delimiter"], seen["columns"], seen["has_head"]) == ("Windows-1252", ";", ["id", "name", "email", "extra"], True)
    assert (seen["new"], seen["faulty"], students(client, key)) == (2, 0, [])
    done = take(client, key, text)
    assert (done["new"], done["same"]) == (2, 0)
    again = take(client, key, text.replace("Bo;", "Bob;").replace(student, student.upper()))
    assert (again["new"], again["changed"], again["same"]) == (0, 1, 1)
    found = students(client, key)
    assert [(one["user_id"], one["name"], one["extra_percent"]) for one in found] == [(student, "Müller, Änne", 25), (f"{student}-b", "Bob", 0)]
    only_ids = take(client, key, f"{student}\n{student}-c\n", remove_missing=True)
    assert (only_ids["new"], only_ids["removed"], only_ids["same"]) == (1, 1, 1)
    assert students(client, key)[0]["name"] == "Müller, Änne"


def test_extra_time_and_what_a_student_needs_become_the_exams_accommodation(client: FlaskClient, key: str, parts: Parts, student: str) -> None:
    take(client, key, f"id,extra time,accommodation\n{student},30 min,Reads aloud\n")
    exam_id = parts.exams.by_key(key).exam_id
    found = parts.monitor.accommodations.find(student, exam_id)
    assert found is not None
    assert (found.extra_min, found.reading_aloud) == (30, True)
    row = students(client, key)[0]["row_id"]
    changed = client.patch(f"/api/exams/{key}/roster/{row}", json={"extra_min": 0, "extra_percent": 50, "preset": ""}).get_json()["student"]
    assert (changed["extra_percent"], changed["preset"]) == (50, None)
    found = parts.monitor.accommodations.find(student, exam_id)
    assert found is not None
    assert (found.extra_min, found.extra_percent, found.reading_aloud) == (0, 50, False)


def test_extra_time_of_both_kinds_goes_out_as_csv_and_comes_back(client: FlaskClient, key: str, student: str) -> None:
    take(client, key, f"id,extra time\n{student},25% + 30 min\n{student}-b,1:30\n")
    exported = client.get(f"/api/exams/{key}/roster.csv").data.decode("utf-8-sig")
    assert [row["extra time"] for row in csv.DictReader(io.StringIO(exported))] == ["25% + 30 min", "90 min"]
    assert take(client, key, exported)["same"] == 2


def test_an_import_that_breaks_off_is_done_whole_by_the_next(
    client: FlaskClient, key: str, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = parts.rosters._write
    failed: list[str] = []

    def fails_in_the_middle(writes: list[Any], collection: str = "roster") -> None:
        if failed:
            raise StorageError("the database is away")
        failed.append(collection)
        write(writes, collection)

    text = f"id,extra time\n{student},30 min\n"
    with monkeypatch.context() as patched:
        patched.setattr(parts.rosters, "_write", fails_in_the_middle)
        error_of(client.post(f"/api/exams/{key}/roster", json={"text": text}), 503)
    take(client, key, text)
    found = parts.monitor.accommodations.find(student, parts.exams.by_key(key).exam_id)
    assert found is not None
    assert (found.extra_min, students(client, key)[0]["extra_min"]) == (30, 30)


def test_nothing_is_imported_from_a_list_with_faults_unless_they_are_left_out(client: FlaskClient, key: str, student: str) -> None:
    text = f"{student},Ann\n{student.upper()},Ann again\n"
    error = error_of(client.post(f"/api/exams/{key}/roster", json={"text": text}), 422)
    assert "1 line" in error["message"]
    assert take(client, key, text, skip_faulty=True)["skipped"] == 1
    assert len(students(client, key)) == 1


def test_five_thousand_students_are_imported_in_seconds_and_many_more_refused(client: FlaskClient, key: str, student: str) -> None:
    text = "id,name,e-mail\n" + "".join(f"{student}-{number},Name {number},s{number}@uni.example\n" for number in range(5000))
    began = time.monotonic()
    assert take(client, key, text)["new"] == 5000
    print(f"{time.monotonic() - began:.1f} s")
    assert take(client, key, text)["same"] == 5000
    answer = client.get(f"/api/exams/{key}/roster", query_string={"search": "-49", "limit": 5, "sort": "name"}).get_json()
    assert (answer["total"], answer["found"], answer["count"]) == (5000, 111, 5)
    error_of(client.post(f"/api/exams/{key}/roster", json={"text": f"{student}-more\n"}), 409)
    error_of(client.post(f"/api/exams/{key}/roster/preview", json={"text": "a\n" * 2_000_000}), 413)


def test_a_code_and_a_link_let_the_student_into_the_one_session(client: FlaskClient, key: str, parts: Parts, student: str) -> None:
    take(client, key, f"{student},Ann\n")
    entry = links(client, key)[student]
    typed = entry["code"].lower().replace("0", "o").replace("1", "l")
    by_code = client.post("/api/student/enter", json={"code": typed}).get_json()
    by_link = client.post("/api/student/enter", json={"link": secret(entry["link"])}).get_json()
    assert by_code["session_id"] == by_link["session_id"]
    assert (by_link["user_id"], by_link["refused"], by_link["exam"]["title"]) == (student, "", "Algebra")
    session = client.get("/api/student/session", headers={"Authorization": f"Bearer {by_link['token']}"}).get_json()
    assert (session["user_id"], session["begun"]) == (student, False)
    assert parts.monitor.find(student, by_link["exam_id"]) is not None
    assert students(client, key)[0]["state"] == "awaited"


def test_renewed_and_revoked_links_let_nobody_in(client: FlaskClient, key: str, student: str) -> None:
    take(client, key, f"{student}\n")
    first = links(client, key)[student]
    token = client.post("/api/student/enter", json={"link": secret(first["link"])}).get_json()["token"]
    assert client.post(f"/api/exams/{key}/roster/links", json={"action": "renew"}).get_json()["changed"] == 1
    error_of(client.post("/api/student/enter", json={"link": secret(first["link"])}), 401)
    error_of(client.post("/api/student/enter", json={"code": first["code"]}), 401)
    error_of(client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}), 401)
    second = links(client, key)[student]
    assert client.post("/api/student/enter", json={"code": second["code"]}).status_code == 200
    row = students(client, key)[0]["row_id"]
    client.post(f"/api/exams/{key}/roster/links", json={"action": "revoke", "rows": [row]})
    error_of(client.post("/api/student/enter", json={"link": secret(second["link"])}), 401)
    assert links(client, key) == {}
    client.post(f"/api/exams/{key}/roster/links", json={"action": "restore", "rows": [row]})
    assert client.post("/api/student/enter", json={"link": secret(second["link"])}).status_code == 200


@pytest.mark.parametrize("by", ["link", "code"])
@pytest.mark.parametrize("action", ["renew", "revoke"])
def test_a_link_that_is_renewed_or_revoked_while_its_student_comes_in_lets_nobody_in(
    client: FlaskClient, key: str, student: str, monkeypatch: pytest.MonkeyPatch, action: str, by: str
) -> None:
    take(client, key, f"{student}\n")
    old = links(client, key)[student]
    given = {"link": {"link": secret(old["link"])}, "code": {"code": old["code"]}}[by]

    def meanwhile(*args: Any, **more: Any) -> str:
        session_id = enter_by_list(*args, **more)
        assert client.post(f"/api/exams/{key}/roster/links", json={"action": action}).get_json()["changed"] == 1
        return session_id

    with monkeypatch.context() as patched:
        patched.setattr("web.student.entering.enter_by_list", meanwhile)
        assert error_of(client.post("/api/student/enter", json=given), 401)["field"] == by
    assert client.post(f"/api/exams/{key}/roster/links", json={"action": "renew"}).get_json()["changed"] == 1
    newest = {"link": secret(links(client, key)[student]["link"])}
    assert client.post("/api/student/enter", json=newest).get_json()["user_id"] == student


def test_links_that_are_revoked_once_more_after_an_outage_end_what_they_let_in(
    client: FlaskClient, key: str, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(client, key, f"{student}\n")
    token = client.post("/api/student/enter", json={"link": secret(links(client, key)[student]["link"])}).get_json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}

    def away(*_given: object) -> None:
        raise StorageError("away")

    with monkeypatch.context() as patched:
        patched.setattr("web.proctor.roster_links.end_links", away)
        error_of(client.post(f"/api/exams/{key}/roster/links", json={"action": "revoke"}), 503)
    assert client.get("/api/student/session", headers=bearer).status_code == 200
    assert client.post(f"/api/exams/{key}/roster/links", json={"action": "revoke"}).get_json()["changed"] == 0
    error_of(client.get("/api/student/session", headers=bearer), 401)


def test_before_the_exam_opens_a_link_leads_to_the_rehearsal_and_makes_no_session(client: FlaskClient, parts: Parts, student: str) -> None:
    key = define(client, opens="2990-01-01T08:00:00Z")
    take(client, key, f"{student}\n")
    assert students(client, key)[0]["state"] == "added"
    link = secret(links(client, key)[student]["link"])
    early = client.post("/api/student/enter", json={"link": link}).get_json()
    assert (early["refused"], early["token"], early["exam"]["opens"]) == ("early", None, "2990-01-01T08:00:00.000Z")
    assert parts.monitor.find(student, early["exam_id"]) is None
    bearer = {"Authorization": f"Bearer {early['trial_token']}"}
    assert client.post("/api/student/speed", data=b"some", headers=bearer, content_type="image/jpeg").status_code == 200
    parts.monitor.resumed.set()
    error_of(client.get("/api/student/session", headers=bearer), 404)
    assert students(client, key)[0]["state"] == "invited"
    found = {"link": link, "results": [{"item": "camera", "state": "not_ready", "reason": "no_camera"}]}
    assert client.post("/api/student/enter/rehearsal", json=found).status_code == 200
    assert [(one["state"], one["failed"]) for one in students(client, key)] == [("rehearsed", ["camera"])]


def test_who_watches_the_list_is_told_of_a_rehearsal_and_of_links_that_were_given_out(make_app: MakeApp, student: str) -> None:
    app = make_app()
    client, parts = local_client(app), parts_of(app)
    told: list[str] = []
    parts.live = cast(Any, SimpleNamespace(announce=lambda event, payload, exam_id: told.append(f"{event} {payload['exam_key']} {exam_id}")))
    key = define(client, opens="2990-01-01T08:00:00Z")
    exam_id = parts.exams.by_key(key).exam_id
    take(client, key, f"{student}\n")
    link = secret(links(client, key)[student]["link"])
    told.clear()
    links(client, key)
    assert told == [f"roster_changed {key} {exam_id}"]
    client.post("/api/student/enter/rehearsal", json={"link": link, "results": [{"item": "camera", "state": "ready"}]})
    client.post("/api/student/rehearsal", json={"user_id": student, "exam_id": exam_id, "results": [{"item": "camera", "state": "ready"}]})
    assert told == [f"roster_changed {key} {exam_id}"] * 3
    client.post("/api/student/rehearsal", json={"user_id": student, "exam_id": "nobodys", "results": []})
    assert len(told) == 3


def test_a_code_opens_its_own_exam_alone_and_is_not_to_be_guessed(make_app: MakeApp, student: str) -> None:
    app = make_app()
    client = local_client(app)
    key, other = define(client), define(client)
    take(client, key, f"{student}\n")
    code = links(client, key)[student]["code"]
    error_of(client.post("/api/student/enter", json={"code": code, "exam_key": other}), 401)
    assert client.post("/api/student/enter", json={"code": code, "exam_key": key}).status_code == 200
    statuses = [client.post("/api/student/enter", json={"code": "00000000"}).status_code for _try in range(30)]
    assert statuses.count(401) < 25
    assert statuses[-1] == 429
    assert parts_of(app).rosters.entering(code="00000000") is None


def test_a_student_who_took_part_stays_in_the_list(client: FlaskClient, key: str, parts: Parts, student: str) -> None:
    take(client, key, f"{student}\n")
    entered = client.post("/api/student/enter", json={"code": links(client, key)[student]["code"]}).get_json()
    session = parts.monitor.get(entered["session_id"])
    assert session is not None
    parts.monitor.maker.prepare(session)
    session.begin()
    parts.database.flush(10)
    row = students(client, key)[0]
    assert (row["state"], row["sessions"]) == ("in_exam", [session.session_id])
    error_of(client.delete(f"/api/exams/{key}/roster/{row['row_id']}"), 409)
    done = take(client, key, f"{student}-b\n", remove_missing=True)
    assert (done["removed"], done["kept"]) == (0, 1)
    assert client.delete(f"/api/exams/{key}/roster/{students(client, key)[1]['row_id']}").status_code == 200


def test_of_a_held_student_no_row_and_no_accommodation_is_removed_until_the_hold_is_lifted(
    client: FlaskClient, key: str, parts: Parts, student: str
) -> None:
    take(client, key, f"id,extra time\n{student},30 min\n{student}-b,\n")
    (row,) = [one["row_id"] for one in students(client, key) if one["user_id"] == student]
    (set_,) = client.get("/api/accommodations", query_string={"user_id": student}).get_json()["accommodations"]
    hold = {"user_id": student.upper(), "by": "Ada"}
    assert client.post("/api/holds", json=hold).status_code == 200
    refused = [
        client.delete(f"/api/exams/{key}/roster/{row}"),
        client.post(f"/api/exams/{key}/roster", json={"text": f"{student}-b", "remove_missing": True, "by": "Ben"}),
        client.delete(f"/api/accommodations/{set_['id']}"),
    ]
    assert {error_of(answer, 409)["reason"] for answer in refused} == {"held"}
    assert [one["user_id"] for one in students(client, key)] == [student, f"{student}-b"]
    assert parts.database.flush(10)
    noted = client.get("/api/audit", query_string={"what": "hold: refused"}).get_json()["entries"]
    assert [(one["who"], one["details"]["kind"]) for one in noted if one["details"]["students"] == [student]] == [
        ("proctor", "accommodation"),
        ("Ben", "roster"),
        ("proctor", "roster"),
    ]
    assert client.delete(f"/api/exams/{key}/roster/{students(client, key)[1]['row_id']}").status_code == 200, "others go"
    assert client.post("/api/holds", json={**hold, "on": False}).status_code == 200
    assert client.delete(f"/api/accommodations/{set_['id']}").status_code == 200
    assert client.delete(f"/api/exams/{key}/roster/{row}").status_code == 200


def test_links_end_with_the_exam_and_with_the_students_own_end(client: FlaskClient, key: str, parts: Parts, student: str) -> None:
    take(client, key, f"{student}\n{student}-b\n")
    mine, other = (secret(links(client, key)[who]["link"]) for who in (student, f"{student}-b"))
    session = parts.monitor.get(client.post("/api/student/enter", json={"link": mine}).get_json()["session_id"])
    assert session is not None
    parts.monitor.maker.prepare(session)
    session.begin()
    client.post("/api/session/end", json={"user_id": student, "exam_id": session.exam_id})
    assert error_of(client.post("/api/student/enter", json={"link": mine}), 409)["state"] == "ended"
    assert students(client, key)[0]["state"] == "ended"
    client.post(f"/api/exams/{key}/state", json={"state": "closed"})
    assert error_of(client.post("/api/student/enter", json={"link": other}), 409)["reason"] == "closed"
    assert students(client, key)[1]["state"] == "absent"


def test_tables_hold_no_formula_and_can_be_imported_again(client: FlaskClient, key: str, student: str) -> None:
    take(client, key, f"id,name,extra time\n{student},=1+1,25%\n")
    text = client.get(f"/api/exams/{key}/roster.csv").data.decode("utf-8-sig")
    assert '"\'=1+1"' in text
    assert take(client, key, text)["same"] == 1
    row = students(client, key)[0]["row_id"]
    drawn = client.get(f"/api/exams/{key}/roster/{row}/qr.svg")
    assert drawn.mimetype == "image/svg+xml"
    assert drawn.data.startswith(b"<svg")


def test_a_sheet_of_hundreds_is_drawn_soon_and_its_pictures_are_read(
    client: FlaskClient, key: str, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(client, key, f"{student}\n")

    def tried(*_given: object) -> int:
        raise AssertionError("a mask is tried, which takes most of the time")

    with monkeypatch.context() as patched:
        patched.setattr("segno.encoder.evaluate_mask", tried)
        assert client.get(f"/api/exams/{key}/roster/{students(client, key)[0]['row_id']}/qr.svg").status_code == 200
        with pytest.raises(AssertionError, match="mask is tried"):
            segno.make("https://proctor.uni.example/", error="m", micro=False)
    address = f"https://proctor.uni.example/portal?exam={'0123456789abcdef' * 2}#r={'fedcba9876543210' * 2}.1.UCziL9F41GX7Vur_FWOraiaB45rsY"
    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False, mask=QR_MASK).save(drawn, kind="png", scale=5, border=8)
    picture = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address  # of one address, as this detector finds 3 in 100 of none, whatever their mask


def test_the_live_page_is_told_who_has_not_come(client: FlaskClient, key: str, parts: Parts, student: str) -> None:
    take(client, key, f"{student},Ann\n{student}-b,Bo\n")
    entered = client.post("/api/student/enter", json={"code": links(client, key)[student]["code"]}).get_json()
    session = parts.monitor.get(entered["session_id"])
    assert session is not None
    parts.monitor.maker.prepare(session)
    session.begin()
    parts.database.flush(10)
    late = define(client, opens="2020-01-01T08:00:00Z")
    take(client, late, f"{student}\n")
    draft = define(client, state="draft")
    take(client, draft, f"{student}\n")
    told = {one["exam_key"]: one for one in client.get("/api/rosters/not_come").get_json()["exams"]}
    assert draft not in told
    assert [one["user_id"] for one in told[key]["students"]] == [f"{student}-b"]
    assert told[key]["may_open"]
    assert (told[key]["total"], told[key]["not_come"], told[key]["late"]) == (2, 1, 0)
    assert (told[late]["late"], told[late]["students"][0]["state"]) == (1, "late")
    only = client.get("/api/rosters/not_come", query_string={"exam_id": entered["exam_id"]}).get_json()["exams"]
    assert [one["exam_key"] for one in only] == [key]


def test_names_stand_beside_ids_and_are_left_out_of_an_anonymous_review(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app())
    key = define(client, anonymous_review=False)
    take(client, key, f"{student},Änne Müller\n")
    exam = client.get(f"/api/exams/{key}").get_json()["exam"]
    made = client.post("/api/session/create", json={"user_id": student.upper(), "exam_id": exam["exam_id"], "source": "browser"}).get_json()

    def names(client: FlaskClient) -> list[str]:
        running = [
            one["student_name"] for one in client.get("/api/sessions/active").get_json()["sessions"] if one["session_id"] == made["session_id"]
        ]
        listed = [one["student_name"] for one in client.get("/api/sessions", query_string={"exam_id": exam["exam_id"]}).get_json()["sessions"]]
        table = client.get("/api/analytics.csv", query_string={"table": "sessions", "exam_id": exam["exam_id"]}).data.decode("utf-8-sig")
        return [*running, *listed, *(row["student_name"] for row in csv.DictReader(io.StringIO(table)))]

    parts_of(client.application).database.flush(10)
    assert names(client) == ["Änne Müller"] * 3
    assert not parts_of(client.application).names.are_untold(exam["exam_id"])
    hidden = local_client(make_app(anonymous_review=True))
    assert set(names(hidden)) == {""}
    fields = {"exam_id": exam["exam_id"], "title": exam["title"], "revision": exam["revision"] + 1, "anonymous_review": True}
    answer = client.put(f"/api/exams/{key}", json={**fields, "revision": client.get(f"/api/exams/{key}").get_json()["exam"]["revision"]})
    assert answer.status_code == 200
    assert parts_of(client.application).names.known(student, exam["exam_id"]) == "", "nor is it told with what happens in the exam"
    assert set(names(client)) == {""}
    assert [parts_of(one.application).names.are_untold(exam["exam_id"]) for one in (client, hidden)] == [True, True]
    take(client, key, f"{student}-b,Bo\n")
    (wall,) = (one for one in client.get("/api/rosters/not_come").get_json()["exams"] if one["exam_key"] == key)
    assert {(one["user_id"], one["name"]) for one in wall["students"]} == {(student, ""), (f"{student}-b", "")}
    assert students(client, key)[0]["name"] == "Änne Müller"


def test_who_stays_away_until_the_exam_breaks_off_has_what_is_left_of_its_length(client: FlaskClient, parts: Parts, student: str) -> None:
    key = define(client, length_min=120)
    take(client, key, f"{student}\n")
    entered = {"link": secret(links(client, key)[student]["link"])}
    first = parts.monitor.get(client.post("/api/student/enter", json=entered).get_json()["session_id"])
    assert first is not None
    parts.monitor.maker.prepare(first)
    first.begin()
    parts.monitor.end_session(first.session_id, End("outage"), "interrupted")
    parts.database.write("sessions", first.session_id, {"ended_after_s": 3000.0})
    assert parts.database.flush(10)
    again = client.post("/api/student/enter", json=entered).get_json()
    second = parts.monitor.get(again["session_id"])
    assert second is not None
    assert second is not first
    parts.monitor.maker.prepare(second)
    shown = client.get("/api/student/session", headers={"Authorization": f"Bearer {again['token']}"}).get_json()
    assert shown["exam"]["length_s"] == 4200
    second.begin()
    left = second.limit.left()
    assert left is not None
    assert 4000 < left <= 4200


def test_letters_of_a_code_that_look_alike_are_one() -> None:
    keys = EntryKeys("a key of this test")
    code = keys.code("0" * 32, 1)
    assert read_code(f" {code[:4].lower()}-{code[4:]} ") == code
    assert read_code("oOiI-lL00") == "00111100"
    assert read_code("U0000000") is None
    assert keys.read_link(keys.link("0" * 32, 3)) == ("0" * 32, 3)
    assert keys.read_link(keys.link("0" * 32, 3).replace(".3.", ".4.")) is None
    assert EntryKeys("another key").read_link(keys.link("0" * 32, 3)) is None
