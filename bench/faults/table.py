"""The table as it is printed."""

from __future__ import annotations

from bench.faults.comparison import Outcome

HEAD = f"{'row':<34}{'ack':>6}{'there':>7}{'lost':>6}{'twice':>7}{'undel.':>8}{'miscnt':>8}{'put out':>9}{'clips':>9}{'served s':>10}{'wait s':>8}"
TOLD_MAX = 4


def lines(outcome: Outcome) -> list[str]:
    """One row with what was told, and what is not as it must be."""
    if outcome.left_out:
        return [f"{outcome.name:<34}left out: {outcome.left_out}"]
    clips = f"{outcome.clips_right}/{outcome.clips}"
    served = f"{max(outcome.served_s):.1f}" if outcome.served_s else "–"
    figures = f"{outcome.name:<34}{outcome.acknowledged:>6}{outcome.there:>7}{outcome.lost:>6}{outcome.doubled:>7}{outcome.undelivered:>8}"
    figures += f"{outcome.miscounted:>8}{outcome.put_out:>9}{clips:>9}{served:>10}{outcome.longest_wait_s:>8.1f}"
    told = [f"    health: {_some(outcome.health)}", f"    wall:   {_some(outcome.wall)}"]
    told += [f"    {note}" for note in outcome.notes]
    verdict = [f"    FAULT: {fault}" for fault in outcome.faults] or ["    ok"]
    return [figures, *told, *verdict, f"    seed {outcome.seed}, {outcome.seconds:g} s"]


def _some(told: list[str]) -> str:
    more = f" (and {len(told) - TOLD_MAX} more)" if len(told) > TOLD_MAX else ""
    return " | ".join(told[:TOLD_MAX]) + more if told else "nothing"
