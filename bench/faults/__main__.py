"""Makes the faults, one after the other, each on a server of its own, and prints what was lost: all zeros are wanted.

venv/bin/python -m bench.faults [--quick] [--row NAME …] [--seed N] [--rounds N] [--json FILE] [--list]

For each row: what was acknowledged (acts and decisions), what is there, what of it was lost, what is there twice, what pages still had to deliver at
the end, acts that the intervals count wrongly, students who were put out, flagged intervals' clips that are right, seconds until everybody was served
again, the longest wait for an acknowledgement, and what health and the wall told. Disks need root (file systems of their own), clocks Debian's
`faketime`; where they can't be had the row says so. The exit status is 1 where a row shows a fault.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.faults import clients, clocks, databases, detectors, disks, kills, stops
from bench.faults.comparison import Outcome
from bench.faults.ground import run_row
from bench.faults.mounts import isolate
from bench.faults.row import Row
from bench.faults.table import HEAD, lines

ROWS = [*kills.ROWS, *databases.ROWS, *disks.ROWS, *clocks.ROWS, *clients.ROWS, *detectors.ROWS, *stops.ROWS]
ROUNDS = 10  # of what happens at a random moment


def told(row: Row, seed: int, rounds: int) -> Outcome:
    """Run one row in a folder of its own, and print it."""
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        outcome = run_row(row, Path(folder), seed, rounds)
    print("\n".join(lines(outcome)), flush=True)
    return outcome


def main() -> int:
    """Run the rows; the exit status is 1 where one shows a fault."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description="Make faults on real parts and say what was lost.")
    parser.add_argument("--quick", action="store_true", help="a handful of rows, each once, in under a minute")
    parser.add_argument("--row", nargs="+", metavar="NAME", choices=[row.name for row in ROWS], help="only these rows")
    parser.add_argument("--seed", type=int, help="of the random moments; printed")
    parser.add_argument("--rounds", type=int, help=f"how often a fault of a random moment is made (default {ROUNDS})")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if (not arguments.quick or row.quick) and (not arguments.row or row.name in arguments.row)]
    if arguments.list:
        print("\n".join(f"{row.name:<34}{row.what}" for row in rows))
        return 0
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    rounds = arguments.rounds or (1 if arguments.quick else ROUNDS)
    why_not = isolate() if any(row in disks.ROWS for row in rows) else ""
    disks.WHY_NOT = [why_not] if why_not else []
    print(HEAD, flush=True)
    # The quick ones wait for most of their time: side by side they take that of the longest.
    with ThreadPoolExecutor(len(rows) if arguments.quick else 1) as pool:
        outcomes = list(pool.map(lambda row: told(row, seed, rounds), rows))
    wrong = [outcome.name for outcome in outcomes if not outcome.well]
    made = sum(not outcome.left_out for outcome in outcomes)
    print(f"{made} rows, {sum(one.acknowledged for one in outcomes)} acknowledged, {sum(one.lost for one in outcomes)} lost; ", end="")
    print(f"faults in {', '.join(wrong)}" if wrong else "no faults")
    if arguments.json:
        arguments.json.write_text(json.dumps([outcome.to_dict() for outcome in outcomes], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
