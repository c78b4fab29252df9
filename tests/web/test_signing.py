"""How old a token may be, whatever is done to the wall's clock: tokens of one server on clocks that the test sets."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from basics.errors import StorageError, Unauthorized
from basics.times import WALL_DOUBT_S
from web.access.signing import LOGIN_MAX_AGE, STUDENT_TOKEN_MAX_AGE, Signer, opened

SESSION = "0123456789abcdef0123456789abcdef"
HOUR = 3600.0
YEARS = 20 * 365 * 86400.0


class Clocks:
    """The time of day, which anybody may set, and time that nobody sets."""

    def __init__(self) -> None:
        self.wall, self.steady = 1.7e9, 500.0

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def server(self) -> Signer:
        """A server that starts now."""
        return Signer("a key of sixteen letters", "a password", wall=lambda: self.wall, clock=lambda: self.steady)


@pytest.mark.parametrize("set_by", [-YEARS, -HOUR, HOUR, YEARS])
def test_a_clock_that_is_set_while_the_server_runs_takes_nobody_s_link_or_login(set_by: float) -> None:
    clocks = Clocks()
    server = clocks.server()
    before, login = server.student_token(SESSION), server.login_token()
    clocks.wall += set_by
    clocks.go(HOUR)
    made_then = server.student_token(SESSION)
    assert server.read_student_token(before) == server.read_student_token(made_then) == SESSION
    assert server.is_login(login)
    clocks.wall -= set_by
    clocks.go(HOUR)
    assert server.read_student_token(before) == SESSION
    if abs(set_by) < WALL_DOUBT_S:
        assert server.read_student_token(made_then) == SESSION


@pytest.mark.parametrize("wrong_by", [-HOUR, HOUR])
def test_a_clock_that_is_wrong_by_an_hour_at_a_restart_takes_nobody_s_link_or_login(wrong_by: float) -> None:
    clocks = Clocks()
    before = clocks.server()
    token, login = before.student_token(SESSION), before.login_token()
    clocks.go(60)
    clocks.wall += wrong_by
    after = clocks.server()
    assert after.read_student_token(token) == SESSION
    assert after.is_login(login)
    assert after.read_student_token(after.student_token(SESSION)) == SESSION


def test_a_link_from_the_future_is_not_refused_but_waits_until_the_clock_is_set() -> None:
    clocks = Clocks()
    token = clocks.server().student_token(SESSION)
    clocks.wall -= YEARS  # the battery of the machine's clock is empty
    after = clocks.server()
    with pytest.raises(StorageError, match="Try again"):
        after.read_student_token(token)
    assert after.read_student_token(after.student_token(SESSION)) == SESSION
    clocks.wall += YEARS
    assert after.read_student_token(token) == SESSION


def test_a_link_ends_after_a_day_and_a_login_after_a_working_day() -> None:
    clocks = Clocks()
    server = clocks.server()
    token, login = server.student_token(SESSION), server.login_token()
    clocks.go(LOGIN_MAX_AGE)
    assert server.is_login(login)
    clocks.go(WALL_DOUBT_S + 1)
    assert not server.is_login(login)
    clocks.go(STUDENT_TOKEN_MAX_AGE - LOGIN_MAX_AGE)
    with pytest.raises(Unauthorized, match="more than a day old"):
        server.read_student_token(token)


@pytest.mark.parametrize(
    ("age", "doubt_s", "good"),
    [(-59, 60, True), (-61, 60, False), (659, 60, True), (661, 60, False), (-HOUR, WALL_DOUBT_S, True), (600 + HOUR, WALL_DOUBT_S, True)],
)
def test_a_ticket_is_good_though_the_clock_that_reads_it_is_behind_and_not_when_its_time_is_over(
    age: float, doubt_s: float, good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer, made = URLSafeTimedSerializer("a key of sixteen letters", salt="a ticket"), 1_700_000_000
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: made)
    ticket = str(signer.dumps(["it"]))
    monkeypatch.setattr("web.access.signing.time", SimpleNamespace(time=lambda: made + age))
    with nullcontext() if good else pytest.raises(SignatureExpired):
        assert opened(signer, ticket, 600, doubt_s) == ["it"]
    with pytest.raises(BadData):
        opened(signer, ticket[:-2], 600, doubt_s)
