"""A package holds what an exam left, opens anywhere, and names any byte that was changed, taken out or added."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import zipfile
from pathlib import Path

import pytest
from flask import Flask

from basics.errors import ConfigError, InvalidInput
from basics.paths import ROOT
from basics.times import utc_now
from commands.verify import register
from database import Database
from records.kept_files import KeptFiles
from records.package_check import check_package
from records.package_contents import Reads, write_session
from records.package_key import find_package_key, shared_package_key
from records.packages import About, PackageWriter
from records.seals import Seals
from records.zip_frame import MAX_16, MAX_32, Entry, central_directory, end_of, read_directory, read_end
from tests.helpers.evidence import CLIP, store_exam

SESSION = "a" * 32


@pytest.fixture
def package(database: Database, tmp_path: Path) -> Path:
    clips = tmp_path / "clips"
    store_exam(database, clips, SESSION)
    reads = Reads(database, KeptFiles(database, clips), lambda _path, _key, _at: b"a still")
    path = tmp_path / "package.zip"
    with path.open("w+b") as file:
        writer = PackageWriter(file, find_package_key(tmp_path))
        write_session(writer, reads, SESSION)
        writer.close(About((SESSION,), "e", utc_now(), "ben", *reads.chain_end()))
    return path


def found(path: Path, key: str = "") -> list[str]:
    try:
        return [f"{finding.kind} {finding.which}: {finding.wrong}" for finding in check_package(path, key).findings]
    except InvalidInput as error:
        return [error.message]


def test_a_package_holds_what_the_exam_left_and_any_program_opens_it(package: Path) -> None:
    with zipfile.ZipFile(package) as opened:
        assert opened.testzip() is None
        names = set(opened.namelist())
        assert opened.read(f"clips/{SESSION}-1.mp4") == CLIP
        audit = [json.loads(line) for line in opened.read("audit.jsonl").splitlines()]
        manifest = json.loads(opened.read("manifest.json"))
    assert {f"{name}.jsonl" for name in ("intervals", "checks", "acts", "decisions", "messages", "marks", "audit")} < names
    assert {"session.json", "rules.json", "accommodation.json", "seal.json", f"stills/{SESSION}-1.jpg", "manifest.sig"} < names
    assert {entry["what"] for entry in audit} == {"review: confirmed", "accommodation: set", "session: sealed"}
    assert (manifest["sessions"], manifest["made_by"], manifest["missing"], manifest["chain"]["seq"]) == ([SESSION], "ben", [], 3)


def test_a_sessions_package_tells_of_no_other_session_or_exam_and_of_no_hold(database: Database, tmp_path: Path) -> None:
    assert database.audit({"who": "ben", "what": "package: exported", "user_id": "ann", "sessions": [SESSION, "b" * 32]}).wait(10)
    for exam_id in ("other", None):
        assert database.audit({"who": "ben", "what": "accommodation: set", "user_id": "ann", "exam_id": exam_id}).wait(10)
    for about in ({"session_id": SESSION}, {"user_id": "ann"}, {"user_id": "ann", "exam_id": "e"}):
        assert database.audit({"who": "eve", "what": "hold: set", "note": "an enquiry", **about}).wait(10)
    assert database.audit({"who": "ben", "what": "roster: link given out", "user_id": "ann", "exam_id": "E"}).wait(10)
    reads = Reads(database, KeptFiles(database, tmp_path), lambda _path, _key, _at: b"")
    assert [entry["what"] for entry in reads.audit(SESSION, "ann", "e")] == ["roster: link given out"]
    assert list(reads.audit(SESSION, "ann", None)) == []


def test_a_session_of_which_a_record_was_damaged_is_sealed_as_it_is(database: Database, tmp_path: Path) -> None:
    store_exam(database, tmp_path / "clips", SESSION)
    assert database.write("intervals", f"{SESSION}-0", {"clip": "x", "start": "x"}).wait(10)
    assert database.write("sessions", SESSION, {"sealed_at": None}).wait(10)
    assert Seals(database).seal_due() == 1


def test_what_nobody_touched_is_whole_and_its_records_are_those_that_were_sealed(package: Path, tmp_path: Path) -> None:
    key = find_package_key(tmp_path)
    checked = check_package(package, key.fingerprint)
    assert (checked.findings, checked.signed, checked.fingerprint, checked.sealed) == ([], True, key.fingerprint, [SESSION])
    assert found(package, "0" * 64) == [f"package its key: is {key.fingerprint}, another one than the one given"]


def test_any_byte_that_is_changed_is_found(package: Path, tmp_path: Path) -> None:
    whole = package.read_bytes()
    with zipfile.ZipFile(package) as opened:
        listed = [(info.filename, info.header_offset) for info in opened.infolist()]
    places = {at for _name, begin in listed for at in range(begin, begin + 60)}  # every byte around the beginnings of files,
    places |= set(range(listed[-1][1], len(whole)))  # the list of files and the end,
    places |= {random.Random(1).randrange(len(whole)) for _ in range(100)}  # and anything
    changed = tmp_path / "changed.zip"
    for at in sorted(places)[::3]:
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert found(changed), at


def test_the_file_that_was_changed_is_named(package: Path, tmp_path: Path) -> None:
    whole, changed = package.read_bytes(), tmp_path / "changed.zip"
    at = whole.index(b"moving pictures") + 5
    changed.write_bytes(whole[:at] + b"!" + whole[at + 1 :])
    assert found(changed) == [f"file clips/{SESSION}-1.mp4: was changed"]
    changed.write_bytes(whole + b"more")
    assert found(changed) == ["package its end: 4 bytes were added"]
    for cut in (whole[:-1], whole[: len(whole) // 2], whole[10:], b"", b"PK"):
        changed.write_bytes(cut)
        assert found(changed)


def rewritten(package: Path, to: Path, drop: str = "", add: str = "") -> None:
    """The package as another program writes it."""
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(to, "w") as new:
        for info in old.infolist():
            if info.filename != drop:
                new.writestr(info, old.read(info))
        if add:
            new.writestr(add, b"more")


def test_files_that_were_taken_out_or_added_are_named(package: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zip"
    rewritten(package, changed, drop="acts.jsonl")
    assert "file acts.jsonl: gone" in found(changed)
    rewritten(package, changed, add="extra.txt")
    assert "file extra.txt: was added afterwards" in found(changed)
    rewritten(package, changed, drop="manifest.sig")
    assert any("manifest" in line for line in found(changed))


def test_records_that_their_owner_altered_before_the_package_was_made_are_not_those_that_were_sealed(database: Database, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    store_exam(database, clips, SESSION)
    assert database.write("intervals", f"{SESSION}-2", {"score": 40}).wait(10)
    assert database.write("sessions", SESSION, {"doubts": [{"code": "dark"}]}).wait(10)
    (clips / "ann" / f"{SESSION}.mp4").write_bytes(b"other pictures")
    file = io.BytesIO()
    reads = Reads(database, KeptFiles(database, clips), lambda _path, _key, _at: b"")
    writer = PackageWriter(file, find_package_key(tmp_path))
    write_session(writer, reads, SESSION, f"{SESSION}/")
    writer.close(About((SESSION,), "e", utc_now(), "", *reads.chain_end()))
    path = tmp_path / "package.zip"
    path.write_bytes(file.getvalue())
    assert {line.partition(" ")[0] for line in found(path)} == {"session", "intervals", "clip"}


def test_a_file_of_records_is_read_once_and_one_that_was_changed_is_named_whatever_its_lines_are(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, read, pread = package.read_bytes(), list[tuple[int, int]](), os.pread

    def reading(handle: int, size: int, at: int) -> bytes:
        read.append((at, at + size))
        return pread(handle, size, at)

    monkeypatch.setattr("os.pread", reading)
    assert check_package(package).sealed == [SESSION]
    first = whole.index(f'{{"_id":"{SESSION}-0","number":0'.encode())  # of the checks
    assert sum(begin <= first < end for begin, end in read) == 1
    changed = tmp_path / "changed.zip"
    for wrong in (b"x", b"\n"):  # no record, and two
        changed.write_bytes(whole[:first] + wrong + whole[first + 1 :])
        assert found(changed) == ["file checks.jsonl: was changed"]


def test_the_command_needs_no_settings(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_PORT", "none")  # settings that can't be read
    app = Flask("app")
    register(app)
    run = app.test_cli_runner().invoke(args=["verify", str(package)])
    assert (run.exit_code, "Nothing was changed" in run.output, find_package_key(tmp_path).fingerprint in run.output) == (0, True, True)
    package.write_bytes(package.read_bytes().replace(b"Hello ann", b"Hello bob"))
    run = app.test_cli_runner().invoke(args=["verify", str(package), "--key", "0" * 64])
    assert run.exit_code == 1
    assert "CHANGED: file messages.jsonl" in run.output
    assert app.test_cli_runner().invoke(args=["verify", str(tmp_path)]).exit_code == 1


def test_the_key_is_made_once_and_is_for_this_account_alone(tmp_path: Path) -> None:
    assert find_package_key(tmp_path).public_key == find_package_key(tmp_path).public_key
    path = tmp_path / "signing_key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("nonsense")
    with pytest.raises(ConfigError):
        find_package_key(tmp_path)


def test_servers_on_one_database_sign_with_one_key(database: Database, tmp_path: Path) -> None:
    first, second = (find_package_key(tmp_path / name) for name in ("first", "second"))
    assert shared_package_key(database, first, "a key of both").fingerprint == first.fingerprint
    assert shared_package_key(database, second, "a key of both").fingerprint == first.fingerprint
    assert first.secret not in str(list(database.collection("server").find())), "it is sealed"
    assert shared_package_key(database, second, "another key").fingerprint == second.fingerprint, "what it can't open it replaces"
    assert shared_package_key(database, first, "another key").fingerprint == second.fingerprint


def test_packages_beyond_four_gigabytes_and_of_many_files_have_their_frame() -> None:
    entries = [Entry(f"{number}", 1, 2, MAX_32 + number) for number in range(MAX_16 + 2)]
    directory = central_directory(entries)
    end = end_of(len(entries), MAX_32 * 2, len(directory))
    assert read_end(end) == (len(entries), MAX_32 * 2, len(directory), len(end))
    assert read_directory(directory, len(entries)) == entries


IN_A_BROWSER = """
import { openAsBlob, readFileSync } from "node:fs";
import { checkPackage } from "SCRIPT";
const whole = readFileSync("PACKAGE");
const found = async (bytes) => checkPackage(new Blob([bytes]));
const [first, missed] = [await checkPackage(await openAsBlob("PACKAGE")), []];
for (let at = 0; at < whole.length; at += at < 4000 || at > whole.length - 4000 ? 7 : 997) {
  const bytes = Uint8Array.from(whole);
  bytes[at] ^= 1;
  const { whole: isWhole, findings = [] } = await found(bytes);
  if (isWhole && !findings.length) missed.push(at);
}
const named = Uint8Array.from(whole);
named[whole.indexOf("Hello ann", whole.indexOf("messages.jsonl"))] ^= 1;
console.log(JSON.stringify({ first, missed, named: (await found(named)).findings, more: await found(Buffer.concat([whole, whole])) }));
"""


def test_the_page_in_the_browser_finds_the_same(package: Path, tmp_path: Path) -> None:
    script = IN_A_BROWSER.replace("SCRIPT", str(ROOT / "static/js/proctor/package-check.js")).replace("PACKAGE", str(package))
    run = subprocess.run(["node", "--no-warnings", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=120)
    told = json.loads(run.stdout)
    first = told["first"]
    assert (first["whole"], first["signed"], first["findings"]) == (True, True, [])
    assert (first["fingerprint"], first["about"]["sessions"]) == (find_package_key(tmp_path).fingerprint, [SESSION])
    assert told["missed"] == []
    assert told["named"] == [{"path": "messages.jsonl", "wrong": "changed"}]
    assert told["more"] == {"whole": False}
