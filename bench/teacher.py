"""Measures a teacher's way in a real Chromium: new exam, students, links, rehearsal, exam, review, conclusions, package checked on a fresh clone.

venv/bin/python -m bench.teacher [--students N] [--shots DIR] [--pictures] [--data DIR] [--json FILE]

The exam is taken by eight students by the bench's client; all else is done by people at pages, each with a browser profile of their own.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import requests
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from basics.paths import ROOT
from basics.readings import SAMPLE_RATE, Frame, Sound
from bench.harness.chromium import Chromium, FakeDevices, chromium_program, make_camera, make_microphone
from bench.harness.footage import jpegs
from bench.harness.person import Someone, Way
from bench.harness.server import Server
from bench.harness.stored import stored
from bench.harness.student import Footage, StudentClient
from bench.harness.waiting import comes

EXAM_ID, TITLE = "MA101:2026", "Linear algebra 1"
PASSWORD = "kettle orbit mangrove tulip"
PEOPLE = {"ada": ("Ada Byron", "teacher"), "ben": ("Ben Okri", "teacher"), "pia": ("Pia Klein", "proctor"), "tom": ("Tom Reed", "proctor")}
COMES = 8  # students who take the exam
FOOTAGE_S = 10.0
PASTES = 3  # at 5 points each, after which an interval has its flag wherever it ends
WAIT_S = 90.0
PICTURES = {"1-new-exam": "exam", "6-rehearsed-1280": "students", "14-concluded-1280": "results"}  # in docs/; none shows anybody
WINDOW_PX = 860
SETTINGS = {"SIGN_IN": "accounts", "CHECK_INTERVAL": "2", "CLIP_PREROLL_S": "3", "CLIP_POSTROLL_S": "2"}


class House:
    """The server with its people, and a browser in which each of them has a profile."""

    def __init__(self, server: Server, browser: Browser, way: Way, folder: Path) -> None:
        self.server, self.browser, self.way, self.folder = server, browser, way, folder
        self.people: dict[str, Someone] = {}

    def invite(self) -> None:
        """Make an administrator by the command, and by that one the others; each has a password then."""
        made = _flask(ROOT, "users", "add", "root", "--role", "administrator", **self.server.settings)
        root = self._accepted(re.search(r"#t=(\S+)", made)[1])  # type: ignore[index]  # it says so, or it failed
        for login, (name, role) in PEOPLE.items():
            body = {"login": login, "name": name, "roles": [role]}
            answer = root.post(f"{self.server.url}/api/people", json=body, timeout=60)
            answer.raise_for_status()
            self._accepted(re.search(r"#t=([^\"\s]+)", answer.text)[1])  # type: ignore[index]

    def _accepted(self, token: str) -> requests.Session:
        session = requests.Session()
        session.headers["Origin"] = self.server.url
        body = {"token": unquote(token), "password": PASSWORD}
        accept = f"{self.server.url}/api/invitation/accept"
        if not comes(lambda: session.post(accept, json=body, timeout=60).ok, WAIT_S, 0.5):  # what a command makes the server notices within seconds
            raise TimeoutError("an invitation was not taken")
        return session

    def somebody(self) -> Someone:
        """Whoever is not logged in, at a new profile."""
        page = self.browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, locale="en-GB").new_page()
        return Someone(page, self.way)

    def log_in(self, login: str) -> Someone:
        """Somebody at the first page that they see."""
        one = self.people[login] = self.somebody()
        one.opens(f"{self.server.url}/login")
        one.types(one.page.get_by_label("User"), login)
        one.types(one.page.get_by_label("Password"), PASSWORD)
        one.presses("Enter")
        one.sees(f"{login} is logged in", one.page.get_by_role("link", name=PEOPLE[login][0]))
        return one


def _flask(folder: Path, *words: str, **environment: str) -> str:
    """What a `flask` command prints. Raise `RuntimeError` with it where the command fails."""
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise RuntimeError(f"flask {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def wall(moment: datetime) -> str:
    """A moment as a field for date and time takes it."""
    return moment.strftime("%Y-%m-%dT%H:%M")


def new_exam(house: House) -> str:
    """From the first page to an exam that is open; gives its address."""
    with house.way.step("log in"):
        ada = house.log_in("ada")
    page, tomorrow = ada.page, datetime.now().replace(hour=9, minute=0) + timedelta(days=1)
    with house.way.step("new exam"):
        ada.clicks(page.get_by_role("link", name="Exams", exact=True))
        ada.clicks(page.get_by_role("link", name="New exam"))
        ada.clicks(ada.sees("the form", page.locator(".card", has_text="Standard").first))
        ada.types(page.get_by_label("Title", exact=True), TITLE)
        ada.types(page.get_by_label("ID", exact=True), EXAM_ID)
        ada.sets(page.get_by_label("Opens", exact=True), wall(tomorrow))
        ada.sets(page.get_by_label("Closes", exact=True), wall(tomorrow + timedelta(hours=3)))
        ada.types(page.get_by_label("Minutes for each student"), "90")
        ada.clicks(page.get_by_label("A conclusion needs a second person"))
        for field, login in (("Teachers", "ben"), ("Proctors", "pia"), ("Proctors", "tom")):
            ada.types(page.get_by_role("combobox", name=field), login)
            ada.presses("Enter")
            ada.sees(f"{login} is chosen", page.get_by_role("button", name=f"Remove {PEOPLE[login][0]}"))
        ada.shot("1-new-exam")
        ada.clicks(page.get_by_role("button", name="Make the exam"))
        ada.sees("the exam is made", page.get_by_role("heading", name=TITLE))
        ada.clicks(ada.sees("it can be opened", page.get_by_role("button", name="Open the exam")))
        ada.sees("the exam is open", page.get_by_text("The exam is open."))
        ada.shot("2-opened", 1280, 390)
    return page.url


def students_in(house: House, count: int) -> dict[str, str]:
    """A list pasted, read and imported; links and sheet out. Gives each student's link."""
    ada = house.people["ada"]
    page = ada.page
    extra = {1: "25%", 2: "30 min"}
    lines = [f"s{number:03}\tStudent {number}\ts{number:03}@uni.example\t{extra.get(number, '')}" for number in range(1, count + 1)]
    with house.way.step(f"{count} students"):
        ada.clicks(page.get_by_label("This exam").get_by_role("link", name="Students"))
        ada.pastes(page.get_by_label("List of students"), "\n".join(["ID\tName\tE-mail\tExtra time", *lines]))
        ada.clicks(page.get_by_role("button", name="Look at the list"))
        ada.sees("the preview", page.locator("#preview"))
        ada.shot("3-preview")
        ada.clicks(page.get_by_role("button", name=f"Import {count} students"))
        ada.sees("the students are there", page.locator("#roster tbody tr").nth(min(count, 100) - 1))
        ada.shot("4-roster", 1280, 390)
    with house.way.step("links out"):
        table = ada.downloads("links as CSV", page.get_by_role("link", name="Links and codes as CSV"), house.folder)
        ada.clicks(page.get_by_role("link", name="Sheet of codes to print"))
        cards = ada.sees("the sheet", page.locator(".code-cards li"))
        ada.sees_true("its pictures", "[...document.querySelectorAll('.code-cards img')].every(one => one.naturalWidth > 0)")
        assert cards.count() == count, f"{cards.count()} cards for {count} students"
        ada.shot("5-sheet")
    return {row["id"]: row["link"] for row in csv.DictReader(io.StringIO(table.read_text("utf-8-sig")))}


def rehearsal(house: House, links: dict[str, str]) -> None:
    """A student rehearses by the link; the teacher's list shows it by itself."""
    ada, student = house.people["ada"], house.somebody()
    ada.page.get_by_role("link", name="To the students").click()
    row = ada.page.locator("#roster tbody tr", has_text="s001")
    row.wait_for()
    with house.way.step("a student rehearses"):
        student.opens(links["s001"])
        student.clicks(student.sees("the way to the rehearsal", student.page.locator("#who-next")))
        student.clicks(student.page.get_by_role("button", name="I agree"))
        student.sees("the camera is ready", student.page.locator("#check-camera[data-state=ready]"))
        student.clicks(student.page.get_by_role("button", name="Finish the rehearsal"))
        student.sees("the rehearsal is stored", student.page.get_by_text("can see that you rehearsed"))
    with house.way.step("rehearsal seen"):
        ada.begins()
        ada.sees("rehearsed, in the list", row.locator("[data-state=rehearsed]"))
        ada.shot("6-rehearsed", 1280, 390)
    student.page.context.close()


def open_now(house: House, address: str) -> None:
    """The day of the exam: it opens now."""
    ada = house.people["ada"]
    with house.way.step("exam brought forward"):
        ada.clicks(ada.page.get_by_label("This exam").get_by_role("link", name="Definition"))
        ada.sets(ada.page.get_by_label("Opens", exact=True), wall(datetime.now() - timedelta(minutes=1)))
        ada.clicks(ada.page.get_by_role("button", name="Save", exact=True))
        ada.sees("saved", ada.page.get_by_text("Saved. It holds"))
        ada.shot("7-definition", 1280, 390)
    assert ada.page.url == address
    ada.page.get_by_label("This exam").get_by_role("link", name="Students").click()
    ada.page.locator("#roster tbody tr").first.wait_for()


@contextmanager
def seated(server: Server, links: dict[str, str], footage: Footage) -> Iterator[list[StudentClient]]:
    """The students who come, by their links."""
    clients = []
    for user_id in list(links)[:COMES]:
        secret = links[user_id].partition("#r=")[2]
        entered = server.call("POST", "/api/student/enter", json={"link": secret})
        client = StudentClient(f"{server.link_url}?token={entered['token']}", footage)
        client.start()
        clients.append(client)
    if not all(client.welcomed.wait(WAIT_S) for client in clients):
        raise TimeoutError("not every student was let in")
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def exam(house: House, clients: list[StudentClient]) -> None:
    """A proctor sees who is there and what is flagged; the teacher ends it for all."""
    ada = house.people["ada"]
    with house.way.step("who is there"):
        ada.begins()
        ada.sees("eight in the exam, in the list", ada.page.locator("#roster [data-state=in_exam]").nth(COMES - 1))
        ada.shot("8-in-exam", 1280)
    with house.way.step("proctor logs in"):
        pia = house.log_in("pia")
        pia.sees("the wall", pia.page.locator(".tile").nth(COMES - 1))
    time.sleep(FOOTAGE_S / 2)  # pictures for the clips
    flagged = pia.page.locator(".tile[data-state=flagged]")
    with house.way.step("flag seen live"):
        for client in clients[:2]:
            for _paste in range(PASTES):
                client.act("paste")
        pia.begins()
        pia.sees("the first flag on the wall", flagged)
        pia.sees("the second", flagged.nth(1))
        pia.shot("8-live", 1280, 390)
    time.sleep(6)  # of the clips, after the flag
    with house.way.step("exam ended for all"):
        ada.clicks(ada.page.get_by_label("This exam").get_by_role("link", name="Definition"))
        ada.clicks(ada.sees("its button", ada.page.get_by_role("button", name="End for everybody").first))
        dialog = ada.page.get_by_role("dialog")
        ada.types(dialog.get_by_label("Reason"), "Time is up")
        ada.shot("9-end")
        ada.clicks(dialog.get_by_role("button", name="End for everybody"))
        ada.sees("it has ended", ada.page.get_by_text(f"{COMES} sessions have ended."))
        ada.sees_when("every student is told", lambda: all(client.ended.is_set() for client in clients))


def review(house: House) -> None:
    """Two proctors beside each other decide on what is flagged."""
    pia = house.people["pia"]
    with house.way.step("second proctor logs in"):
        tom = house.log_in("tom")
    reviewers = (pia, tom)
    with house.way.step("review by two"):
        for one in reviewers:
            one.clicks(one.page.get_by_role("link", name="Review").first)
            one.sees_true("the first clip", "[...document.querySelectorAll('#stage video')].some(video => video.readyState > 2)")
        pia.shot("10-review", 1280, 390)
        first = pia.page.locator("#item-title").inner_text()
        pia.presses("c")
        left = pia.page.locator(f"#item-title:not(:empty):not(:text-is('{first}'))")
        pia.sees("the next flag", left)
        if tom.page.locator("#item-title").inner_text() == first:
            tom.presses("j")
        tom.sees("the other flag", tom.page.locator(f"#item-title:not(:empty):not(:text-is('{first}'))"))
        tom.presses("d", "1")
        tom.sees("nothing is left", tom.page.get_by_text("None left"))
        pia.begins()
        pia.sees("nothing is left for the other either", pia.page.get_by_text("None left"))
        tom.shot("11-review-done")


def conclude(house: House, address: str, count: int) -> None:
    """Two teachers conclude: all without a finding at once, the one with it by itself."""
    ada = house.people["ada"]
    with house.way.step("second teacher logs in"):
        ben = house.log_in("ben")
    with house.way.step("conclusions proposed"):
        ada.clicks(ada.page.get_by_label("This exam").get_by_role("link", name="Results"))
        ada.sees("the results", ada.page.locator("#results tbody tr").nth(count - 1))
        ada.shot("12-results", 1280, 390)
        ada.clicks(ada.page.get_by_role("button", name=f"Conclude {count - 1} without a finding"))
        ada.shot("13-conclude-all")
        ada.clicks(ada.page.get_by_role("dialog").get_by_role("button", name="No finding for"))
        ada.sees("they are proposed", ada.page.get_by_text(f"{count - 1} waiting for a second person"))
        rest = ada.page.locator("#results tbody tr", has_text="Not concluded")
        ada.clicks(rest.get_by_role("button"))
        dialog = ada.page.locator("#conclude-dialog")
        ada.clicks(dialog.get_by_label("Finding", exact=True))
        ada.types(dialog.get_by_label("Reason"), "Pasted an answer.")
        ada.clicks(dialog.get_by_role("button", name="Conclude", exact=True))
        ada.sees("it is proposed", ada.page.get_by_text(f"{count} waiting for a second person"))
    with house.way.step("agreed by the second"):
        ben.opens(f"{address}/results")
        ben.clicks(ben.sees("what he may agree to", ben.page.get_by_role("button", name=f"Agree to {count - 1} without a finding")))
        ben.clicks(ben.page.get_by_role("dialog").get_by_role("button", name="Agree to"))
        ben.sees("they are concluded", ben.page.get_by_text(f"{count - 1} concluded"))
        ben.clicks(ben.page.locator("#results tbody tr", has_text="waits for a second person").get_by_role("button"))
        ben.clicks(ben.page.locator("#conclude-dialog").get_by_role("button", name="I agree"))
        ben.sees("all are concluded", ben.page.get_by_text(f"{count} concluded"))
        ben.shot("14-concluded", 1280, 390)


def package(house: House) -> dict[str, Any]:
    """The exam's package from its page, and what a fresh clone says of it."""
    ada = house.people["ada"]
    with house.way.step("package"):
        made = ada.downloads("the package", ada.page.get_by_role("link", name="Package", exact=True), house.folder)
        ada.shot("15-package")
    clone = house.folder / "clone"
    begun = time.perf_counter()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, timeout=120)
    said = _flask(clone, "verify", str(made), DATA_DIR=str(house.folder / "none"))
    return {"bytes": made.stat().st_size, "cloned_and_verified_s": round(time.perf_counter() - begun, 2), "said": said.strip().splitlines()}


def footage_of(data: Path) -> Footage:
    """What every student sends: one man, five pictures a second, in a room in which nobody speaks."""
    frames = [Frame(at, jpeg) for number, (at, jpeg) in enumerate(jpegs(data / "webcam.mp4")) if number % 2 == 0 and at < FOOTAGE_S]
    noise = np.random.default_rng(1)
    sounds = [Sound(number / 5, noise.normal(0, 30, SAMPLE_RATE // 5).astype(np.int16)) for number in range(round(FOOTAGE_S * 5))]
    return Footage(frames, sounds, [], FOOTAGE_S)


def run(data: Path, students: int, shots: Path | None) -> tuple[Way, dict[str, Any]]:
    """The whole way, with the figures of the package."""
    footage = footage_of(data)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder, way = Path(name), Way(shots)
        camera = make_camera(data / "webcam.mp4", folder / "camera.mjpeg", seconds=6)
        microphone = make_microphone(data / "scenarios" / "clean-a" / "audio.flac", folder / "microphone.wav", seconds=6)
        devices = FakeDevices(camera, microphone)
        with Server(folder / "server", SETTINGS) as server, Chromium(playwright, folder / "chromium", devices=devices, shell=True) as chromium:
            assert chromium.browser is not None
            house = House(server, chromium.browser, way, folder)
            try:
                house.invite()
                address = new_exam(house)
                links = students_in(house, students)
                rehearsal(house, links)
                open_now(house, address)
                with seated(server, links, footage) as clients:
                    exam(house, clients)
                clips_made(house)
                review(house)
                conclude(house, address, COMES)
                sealed(house)
                return way, package(house)
            except Exception:
                print("".join(server.output[-20:]), file=sys.stderr)
                if shots is not None:
                    _keep(shots, [one.page for one in house.people.values()])
                print(way.table(), file=sys.stderr)
                raise


def clips_made(house: House) -> None:
    """Wait for the clips; nobody stands and waits for them."""
    page = house.people["pia"].page

    def ready() -> bool:
        items = page.evaluate("async () => (await (await fetch('/api/review/queue')).json()).items")
        return len(items) == 2 and all(item["clip"]["state"] == "ready" for item in items)

    if not comes(ready, WAIT_S, 0.5):
        raise TimeoutError(f"two clips were not made within {WAIT_S:g} s")


def sealed(house: House) -> None:
    """Wait until what the sessions left is sealed, as it is by the time when a teacher takes a package: half a minute after the end."""

    def are() -> bool:
        with stored(house.server) as database:
            return database["sessions"].count_documents({"sealed_at": {"$ne": None}}) == COMES

    if not comes(are, WAIT_S, 1):
        raise TimeoutError(f"not all sessions were sealed within {WAIT_S:g} s")


def make_pictures(shots: Path, docs: Path) -> None:
    """The pictures in the documents, of what a window shows of these pages."""
    for shot, name in PICTURES.items():
        with Image.open(shots / f"{shot}.png") as page:
            page.crop((0, 0, page.width, min(WINDOW_PX, page.height))).convert("RGB").quantize(255).save(docs / f"{name}.png", optimize=True)


def _keep(shots: Path, pages: list[Page]) -> None:
    for number, page in enumerate(pages):
        page.screenshot(path=shots / f"failed-{number}.png", full_page=True)


def main() -> int:
    """Print the table and what the clone said; exit status 1 where it found the package altered."""
    parser = argparse.ArgumentParser(prog="python -m bench.teacher", description="Measure a teacher's way, in Chromium.")
    parser.add_argument("--students", type=int, default=30, help=f"students on the list (default 30); {COMES} of them come")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with webcam.mp4 and scenarios")
    parser.add_argument("--shots", type=Path, help="keep pictures of the pages in this folder")
    parser.add_argument("--pictures", action="store_true", help="make the pictures in docs/ anew, of those in --shots")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if arguments.pictures and arguments.shots is None:
        parser.error("--pictures needs --shots, the folder with the pictures that they are made of")
    if chromium_program() is None or not (arguments.data / "webcam.mp4").is_file():
        print(f"needs Chromium (apt: chromium) and {arguments.data}/webcam.mp4", file=sys.stderr)
        return 2
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    way, checked = run(arguments.data, max(COMES, arguments.students), arguments.shots)
    if arguments.pictures and arguments.shots:
        make_pictures(arguments.shots, ROOT / "docs")
    print(way.table())
    print(f"package: {checked['bytes'] / 1e6:.2f} MB; cloned and verified in {checked['cloned_and_verified_s']} s:")
    print("\n".join(checked["said"]))
    if arguments.json:
        arguments.json.write_text(json.dumps({"steps": [step.as_json() for step in way.steps], "package": checked}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
