"""Exams that wander between the servers are told from those that follow a server that is gone."""

from __future__ import annotations

from sessions.wandering import LEAST, REMEMBERED, WITHIN_S, Wandering


def test_exams_that_come_again_soon_wander_and_those_that_came_once_do_not() -> None:
    now = [0.0]
    wandering = Wandering(lambda: now[0])
    for number in range(100):
        wandering.came(f"moved-{number}")
    assert (wandering.health()["state"], wandering.count()) == ("ok", 0)
    for number in range(LEAST):
        now[0] += WITHIN_S / 10
        assert wandering.health()["state"] == "ok"
        wandering.came(f"moved-{number}")
    found = wandering.health()
    assert (found["state"], found["wandering"]) == ("degraded", LEAST)
    assert f"{LEAST} exams came here" in found["reason"]
    assert [figure.value for figure in wandering.figures()] == [LEAST]
    now[0] += WITHIN_S + 1
    wandering.came("moved-50")
    assert wandering.count() == 0, "what was half an hour ago is over, and one that comes back after that has not wandered"


def test_no_more_are_remembered_than_may_be() -> None:
    wandering = Wandering(lambda: 0.0)
    for number in range(REMEMBERED + 10):
        wandering.came(str(number))
        wandering.came(str(number))
    assert len(wandering._came) == len(wandering._again) == REMEMBERED
