"""Plays hostile inputs against the server, one after the other, beside an honest student whose exam must not notice.

venv/bin/python -m bench.hostile [--case NAME …] [--data DIR] [--json FILE] [--list]

For each: the honest student's readings of gaze a second and the server's memory, undisturbed and during it, in the same run on the same server; both
must be within 10 %. Then the slowest answer to a proctor meanwhile, how long the server took to stop, and what was shown of it at its own session.
With labelled footage (`--data`) the honest student has a face; without, the pictures are drawn. The exit status is 1 where a case shows a fault.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from basics.paths import ROOT
from bench.harness.drawn import drawn_footage
from bench.harness.footage import scenarios
from bench.harness.student import Footage
from bench.hostile import by_http, clocks, floods, pictures, texts
from bench.hostile.arena import WINDOW_S, Arena, Figures
from bench.load import footage_of

CASES = [*texts.CASES, *floods.CASES, *by_http.CASES, *pictures.CASES, *clocks.CASES]
FOOTAGE_S = WINDOW_S  # it begins again at its end: the windows see the same of it
HEAD = f"{'case':<22}{'readings/s':>20}{'memory, MB':>22}{'answer s':>10}{'stop s':>8}"


def honest_footage(data: Path) -> Footage:
    """What the honest student sends: a calm exam of the labelled footage, else drawn pictures."""
    calm = [scenario for scenario in scenarios(data) if scenario.name.startswith("clean")]
    return footage_of(calm[0], FOOTAGE_S) if calm else drawn_footage(FOOTAGE_S)


def lines(figures: Figures) -> list[str]:
    """One case as it is printed."""
    readings = f"{figures.readings_before:g} → {figures.readings_during:g}"
    memory = f"{figures.memory_before:.0f} → {figures.memory_during:.0f}"
    row = f"{figures.name:<22}{readings:>20}{memory:>22}{figures.slowest_answer_s:>10.1f}{figures.stopped_s:>8.1f}"
    told = [f"    shown: {' | '.join(figures.told[:4])}"] if figures.told else []
    return [row, *told, *(f"    {note}" for note in figures.notes), *([f"    FAULT: {fault}" for fault in figures.faults] or ["    ok"])]


def main() -> int:
    """Play the cases; the exit status is 1 where one shows a fault."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description="Play hostile inputs beside an honest student.")
    parser.add_argument("--case", nargs="+", metavar="NAME", choices=[case.name for case in CASES], help="only these")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with scenarios/")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    arguments = parser.parse_args()
    cases = [case for case in CASES if not arguments.case or case.name in arguments.case]
    if arguments.list:
        print("\n".join(f"{case.name:<22}{case.what}" for case in cases))
        return 0
    footage, results = honest_footage(arguments.data), []
    print(HEAD, flush=True)
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as folder:
            results.append(Arena(case, Path(folder), footage).play())
        print("\n".join(lines(results[-1])), flush=True)
    wrong = [figures.name for figures in results if figures.faults]
    print(f"{len(results)} cases; " + (f"faults in {', '.join(wrong)}" if wrong else "no faults"))
    if arguments.json:
        arguments.json.write_text(json.dumps([one.to_dict() for one in results], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
