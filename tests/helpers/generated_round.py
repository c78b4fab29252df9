"""A whole round by the generated client: `python generated_round.py SERVER TOKEN HOOK FOLDER`, in the client's own environment.

It prints what the tests need to know as lines of JSON, and reads the notice that came meanwhile.
"""

# mypy: ignore-errors

import importlib
import io
import json
import sys
from pathlib import Path

import httpx
from exam_proctoring_server_client import AuthenticatedClient, Client
from exam_proctoring_server_client.api.api import api_session_details_get
from exam_proctoring_server_client.api.exams import exams_make_post, exams_put_in_state_post
from exam_proctoring_server_client.api.hooks import hooks_add_post, hooks_remove_delete
from exam_proctoring_server_client.api.packages import packages_key_get, packages_of_session_get
from exam_proctoring_server_client.api.results import results_listed_get, results_table_get
from exam_proctoring_server_client.api.roster_links import roster_links_shown_get
from exam_proctoring_server_client.api.rosters import rosters_listed_get, rosters_take_post
from exam_proctoring_server_client.api.seb import seb_file_get, seb_read_key_post
from exam_proctoring_server_client.models import (
    AddHook,
    AddHookEventsItem,
    DefinedExamState,
    DefineExam,
    DefineExamPlace,
    DefineExamSeb,
    ErrorAnswer,
    HookNotice,
    HookNoticeType,
    PutInState,
    PutInStateState,
    ResultLine,
    TakeRoster,
)
from exam_proctoring_server_client.types import UNSET, File

SERVER, TOKEN, HOOK, FOLDER = sys.argv[1:]
TIMEOUT = httpx.Timeout(60)
LIST = "id,name\ns1,Ada Byron\ns2,Alan Mathison\ns3,Grace Brewster\n"
client = AuthenticatedClient(base_url=SERVER, token=TOKEN, timeout=TIMEOUT, raise_on_unexpected_status=True)


def say(**said):
    print(json.dumps(said), flush=True)


def done(answer):
    """What a call that succeeds has answered, as the client reads it."""
    assert answer.status_code == 200, answer.content
    return answer.parsed


def everybody(exam_key):
    """The students, a page at a time."""
    after = UNSET
    while True:
        page = done(rosters_listed_get.sync_detailed(exam_key, client=client, limit=2, after=after))
        yield from page.students
        if not page.next_after:
            return
        after = page.next_after


made = done(hooks_add_post.sync_detailed(client=client, body=AddHook(name="Registry", url=HOOK, events=[AddHookEventsItem.SESSION_ENDED])))
definition = DefineExam(exam_id="law-103", title="Public law", place=DefineExamPlace.PAPER, seb=DefineExamSeb.NOTED)
exam = done(exams_make_post.sync_detailed(client=client, body=definition)).exam
assert exam.state is DefinedExamState.DRAFT
refused = exams_make_post.sync_detailed(client=client, body=definition)
assert (refused.status_code, type(refused.parsed), refused.parsed.error.code) == (409, ErrorAnswer, "conflict"), refused
assert refused.parsed.error["exam_key"] == exam.exam_key
stranger = exams_make_post.sync_detailed(client=Client(base_url=SERVER, timeout=TIMEOUT), body=definition)
assert (stranger.status_code, stranger.parsed.error.code) == (401, "unauthorized"), stranger
exam = done(exams_put_in_state_post.sync_detailed(exam.exam_key, client=client, body=PutInState(state=PutInStateState.OPEN))).exam
assert exam.is_open
taken = done(rosters_take_post.sync_detailed(exam.exam_key, client=client, body=TakeRoster(text=LIST)))
assert (taken.new, taken.faults) == (3, [])
students = list(everybody(exam.exam_key))
links = {one.user_id: done(roster_links_shown_get.sync_detailed(exam.exam_key, one.row_id, client=client)).link for one in students}

# Files, both ways
settings = done(seb_file_get.sync_detailed(exam.exam_key, client=Client(base_url=SERVER, timeout=TIMEOUT))).payload.read()
key = done(seb_read_key_post.sync_detailed(client=client, body=File(payload=io.BytesIO(settings))))
assert key.config_key == exam.seb_config_key

say(secret=made.secret, links=links)
notice = HookNotice.from_dict(json.loads(sys.stdin.readline()))
assert notice.type_ is HookNoticeType.SESSION_ENDED
assert (notice.data.user_id, notice.data.reason, notice.data.flags) == ("s2", "student", 0)

results = done(results_listed_get.sync_detailed(exam.exam_key, client=client)).results
assert [(type(one), one.session_id, one.conclusion) for one in results] == [(ResultLine, notice.data.session_id, None)]
table = done(results_table_get.sync_detailed(exam.exam_key, client=client))
assert notice.data.session_id in table
session = done(api_session_details_get.sync_detailed(notice.data.session_id, client=client)).session
assert (session.exam_id, session.ended_at) == ("law-103", notice.data.ended_at)
package = done(packages_of_session_get.sync_detailed(notice.data.session_id, client=client))
Path(FOLDER, "session.zip").write_bytes(package.payload.read())
say(session=notice.data.session_id, fingerprint=done(packages_key_get.sync_detailed(client=client)).fingerprint)

# What needs no argument: each is read as it is described
read = []
for path, methods in json.loads(Path(FOLDER, "openapi.json").read_text("utf-8"))["paths"].items():
    call = methods.get("get", {})
    kinds = call.get("responses", {}).get("200", {}).get("content", {})
    if path.startswith("/api/") and not any(one["required"] for one in call.get("parameters", ())) and "application/json" in kinds:
        answer = importlib.import_module(f"exam_proctoring_server_client.api.{call['tags'][0]}.{call['operationId']}").sync_detailed(client=client)
        assert answer.status_code < 500, (path, answer.content)
        assert isinstance(answer.parsed, ErrorAnswer) == (answer.status_code != 200), path
        assert answer.parsed is not None, path
        read += [path] if answer.status_code == 200 else []

assert done(hooks_remove_delete.sync_detailed(made.hook.id, client=client)).success
say(read=read)
