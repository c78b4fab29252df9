"""Choosing limits on half of the people and looking at the other half: grouped cross-validation, over and over.

The halves are drawn by person within each set, so that both hold people of every set; whoever is joined to somebody (two voices in one clip, a
room without a person) goes with them. Each half chooses for the other: so in each split every file is looked at once by limits that its people
had no part in. Nothing begins at the limits that are shipped, for those were chosen with some of the people in view.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.harness.figures import share
from bench.harness.people import groups

SPLITS = 5
PASSES = 2  # over the limits, each chosen with the others as they were chosen so far

Values = dict[str, float]
Counts = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled file: of which set and person (empty: nobody's), and what ties it to others."""

    dataset: str
    person: str
    keys: frozenset[str]


@dataclass
class Topic:
    """What is chosen and how it is judged. `read(values)` gives one result a case, `is_right` says whether one is right."""

    name: str
    cases: Sequence[Case]
    tried: Mapping[str, Sequence[float]]  # values of each limit, in order
    shipped: Values
    read: Callable[[Values], Sequence[Any]]
    score: Callable[[Sequence[Any]], Any]  # of a half's results; the greater, the better
    counts: Callable[[Sequence[Any]], Counts]
    is_right: Callable[[Any], bool]
    _known: dict[tuple[tuple[str, float], ...], Sequence[Any]] = field(default_factory=dict)

    def results(self, values: Values) -> Sequence[Any]:
        """One result a case under these values, read once."""
        key = tuple(sorted(values.items()))
        if key not in self._known:
            self._known[key] = self.read(values)
        return self._known[key]

    def choose(self, half: Sequence[int]) -> Values:
        """The values that judge these cases best; of several as good, the middle one."""
        values = {name: several[len(several) // 2] for name, several in self.tried.items()}
        for _ in range(PASSES):
            for name, several in self.tried.items():
                scores = [self.score(self._part(values | {name: value}, half)) for value in several]
                best = [value for value, score in zip(several, scores, strict=True) if score == max(scores)]
                values[name] = best[(len(best) - 1) // 2]
        return values

    def _part(self, values: Values, which: Sequence[int]) -> list[Any]:
        results = self.results(values)
        return [results[number] for number in which]


@dataclass(frozen=True)
class Split:
    """One split: what each half chose, and what all files came to under what the other half chose, and under what their own did."""

    chosen: tuple[Values, Values]
    held_out: list[Any]
    chosen_on: list[Any]


def halves(cases: Sequence[Case], seed: int) -> tuple[list[int], list[int]]:
    """The numbers of the cases in two halves of about the same size, by person within each set."""
    of_group: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups([case.keys for case in cases])):
        of_group[group].append(number)
    by_set: dict[str, list[list[int]]] = defaultdict(list)
    for numbers in of_group.values():
        by_set[cases[numbers[0]].dataset].append(numbers)
    chance = random.Random(seed)
    first: list[int] = []
    second: list[int] = []
    for _, several in sorted(by_set.items()):
        chance.shuffle(several)
        some: list[int] = []
        others: list[int] = []
        for numbers in several:
            (some if len(some) <= len(others) else others).extend(numbers)
        swapped = chance.random() < 0.5
        first += others if swapped else some
        second += some if swapped else others
    return sorted(first), sorted(second)


def split(topic: Topic, seed: int) -> Split:
    """Choose on each half, look at the other."""
    parts = halves(topic.cases, seed)
    chosen = topic.choose(parts[0]), topic.choose(parts[1])
    held_out: list[Any] = [None] * len(topic.cases)
    chosen_on: list[Any] = [None] * len(topic.cases)
    for own, values in enumerate(chosen):
        results = topic.results(values)
        for number in parts[own]:
            chosen_on[number] = results[number]
        for number in parts[1 - own]:
            held_out[number] = results[number]
    return Split(chosen, held_out, chosen_on)


def splits(topic: Topic, times: int = SPLITS) -> list[Split]:
    """Several splits, always the same ones."""
    return [split(topic, seed) for seed in range(times)]


def figures(topic: Topic, found: Sequence[Split]) -> dict[str, Any]:
    """By measure, shares 0..1: of all splits together, the least and greatest of one, each set's, and of the half chosen on and the limits shipped.

    `people` is the share of people for whom all is right. `n` is of one split, for which the middle count stands.
    """
    out: dict[str, Any] = {"limits": {name: [float(values[name]) for one in found for values in one.chosen] for name in topic.tried}}
    shipped = topic.results(topic.shipped)
    datasets = sorted({case.dataset for case in topic.cases})
    for measure in (*topic.counts(shipped), "people"):
        each = [_count(topic, one.held_out, measure) for one in found]
        out[measure] = {
            "held_out": _pooled(each),
            "right": round(statistics.fmean(right for right, _ in each)),
            "n": round(statistics.fmean(n for _, n in each)),
            "splits": [_share(count) for count in each],
            "sets": {name: _pooled([_count(topic, one.held_out, measure, name) for one in found]) for name in datasets},
            "chosen_on": _pooled([_count(topic, one.chosen_on, measure) for one in found]),
            "shipped": _share(_count(topic, shipped, measure)),
        }
    return out


def table(topic: Topic, found: dict[str, Any]) -> list[str]:
    """The figures in words."""
    people = {case.person for case in topic.cases if case.person}
    lines = [f"Held out, {topic.name} ({len(topic.cases)} files, {len(people)} people; {SPLITS} splits, each half by what the other chose)"]
    for name, values in found["limits"].items():
        lines.append(f"  {name:<28}chosen {min(values):g} to {max(values):g}, mostly {statistics.mode(values):g}; shipped {topic.shipped[name]:g}")
    for measure, one in found.items():
        if measure == "limits":
            continue
        name = "people, all of theirs right" if measure == "people" else measure.replace("_", " ")
        sets = ", ".join(f"{dataset} {_percent(value)}" for dataset, value in one["sets"].items())
        lines.append(f"  {name:<28}{share(one['right'], one['n'])}")
        lines.append(
            f"    splits {_spread(one['splits'])}; {sets}; the halves chosen on {_percent(one['chosen_on'])}; as shipped {_percent(one['shipped'])}"
        )
    return lines


def markdown(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The figures of all topics as a table for a document."""
    sets = sorted({dataset for topic in found.values() for measure, one in topic.items() if measure != "limits" for dataset in one["sets"]})
    lines = [f"| what | held out | n | splits | {' | '.join(sets)} | the halves chosen on | as shipped |", "| --- " * (6 + len(sets)) + "|"]
    for topic, measures in found.items():
        for measure, one in measures.items():
            if measure == "limits":
                continue
            name = f"{topic}: {'people, all of theirs right' if measure == 'people' else measure.replace('_', ' ')}"
            told = share(one["right"], one["n"]).partition(" = ")[2] or "none"
            each = [_percent(one["sets"].get(dataset)) for dataset in sets]
            cells = [name, told, one["n"], _spread(one["splits"]), *each, _percent(one["chosen_on"]), _percent(one["shipped"])]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _count(topic: Topic, results: Sequence[Any], measure: str, dataset: str | None = None) -> tuple[int, int]:
    which = [number for number, case in enumerate(topic.cases) if dataset in (None, case.dataset)]
    if measure != "people":
        return topic.counts([results[number] for number in which])[measure]
    people: dict[str, bool] = {}
    for number in which:
        person = topic.cases[number].person
        if person:
            people[person] = people.get(person, True) and topic.is_right(results[number])
    return sum(people.values()), len(people)


def _pooled(counts: Sequence[tuple[int, int]]) -> float | None:
    return _share((sum(right for right, _ in counts), sum(n for _, n in counts)))


def _share(count: tuple[int, int]) -> float | None:
    return count[0] / count[1] if count[1] else None


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{_percent(min(known))} to {_percent(max(known))}" if known else "none"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"
