"""How evenly exams lie on servers, and whom the loss of one moves: 10,000 students in 60 exams on 20 servers, by the server's own keys
(`cluster.route`) and by consistent hashing as HAProxy does it. A simulation: nothing runs, and the same arguments give the same figures.

    venv/bin/python -m bench.routing [--servers 20] [--students-a-key 200] [--days 100]
"""

from __future__ import annotations

import argparse
import bisect
import random
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.route import keys_for, route_of
from settings.cluster import ClusterSettings

MASK = 0xFFFFFFFF
POINTS = 16  # on the circle for each unit of a server's weight
RANGE = 256 * POINTS  # between the numbers of two servers' points
SIZES = (*[1200] * 3, *[400] * 7, *[120] * 20, *[40] * 30)  # students of each exam, as at a university: 10,000 in 60
STUDENTS = sum(SIZES)
DAYS = 100  # days of other exams, over which figures are told
MOVED_MOST = 1.5  # over the servers: the share of students whom the loss of one may move
WEIGHT = 100  # as in deploy/haproxy/haproxy.cfg


def full_hash(number: int) -> int:
    """Bob Jenkins' avalanche of 32 bits, spread by a prime, as HAProxy's `full_hash`."""
    number = (number + 0x7ED55D16 + (number << 12)) & MASK
    number = (number ^ 0xC761C23C ^ (number >> 19)) & MASK
    number = (number + 0x165667B1 + (number << 5)) & MASK
    number = ((number + 0xD3A2646C) ^ (number << 9)) & MASK
    number = (number + 0xFD7046C5 + (number << 3)) & MASK
    number = (number ^ 0xB55A4F09 ^ (number >> 16)) & MASK
    return number * 3221225473 & MASK


def sdbm(text: str) -> int:
    """HAProxy's usual hash of a key."""
    number = 0
    for byte in text.encode():
        number = (byte + (number << 6) + (number << 16) - number) & MASK
    return number


class Circle:
    """`hash-type consistent` of HAProxy, which is sdbm and then the avalanche: the server of the point that is nearest on a circle of 32 bits.

    Each server has 16 points for each unit of its weight. Servers are numbered from 0, in the order of the file.
    """

    def __init__(self, servers: int, *, weight: int) -> None:
        numbers = ((number, point) for number in range(servers) for point in range(POINTS * weight))
        self._set(sorted((full_hash((number + 1) * RANGE + point), number) for number, point in numbers))

    def _set(self, points: list[tuple[int, int]]) -> None:
        self._at, self._servers = [at for at, _ in points], [number for _, number in points]

    def without(self, lost: int) -> Circle:
        """The same, and this server is gone."""
        less = Circle(0, weight=0)
        less._set([(at, number) for at, number in zip(self._at, self._servers, strict=True) if number != lost])
        return less

    def server_of(self, key: str) -> int:
        """The number of the server to which calls with this key go."""
        wanted = full_hash(sdbm(key))
        after = bisect.bisect_left(self._at, wanted) % len(self._at)
        before = after - 1
        nearer = (wanted - self._at[before]) & MASK <= (self._at[after] - wanted) & MASK
        return self._servers[before if nearer else after]


def keys_of(day: int, students_a_key: int, students: int) -> Counter[str]:
    """How many students each key has on a day with so many in all, whose exams and students have other IDs than those of other days."""
    drawn = random.Random(day)
    found: Counter[str] = Counter()
    for exam_size in drawn.sample(SIZES, len(SIZES)):
        size = min(exam_size, students - found.total())
        exam, keys = f"exam-{drawn.getrandbits(48):012x}", keys_for(size, students_a_key)
        found.update(route_of("", f"s{drawn.getrandbits(32):08x}", exam, keys) for _ in range(size))
    return found


@dataclass(frozen=True, slots=True)
class Day:
    """`held`: students of each server. `moved`: for each the students who move when it is lost. `keys`: how many there are."""

    keys: int
    held: tuple[int, ...]
    moved: tuple[int, ...]

    @property
    def fullest(self) -> float:
        """Students of the fullest server over the mean."""
        return max(self.held) / statistics.mean(self.held)

    def share_moved(self, lost: int) -> float:
        """Of all students, when this server is lost."""
        return self.moved[lost] / sum(self.held)


def simulate(keys: Mapping[str, int], circle: Circle, less: Sequence[Circle]) -> Day:
    """One day; `less` are the circles without each of the servers."""
    homes = {key: circle.server_of(key) for key in keys}
    held = Counter[int]()
    for key, home in homes.items():
        held[home] += keys[key]
    moved = tuple(sum(count for key, count in keys.items() if without.server_of(key) != homes[key]) for without in less)
    return Day(len(keys), tuple(held[number] for number in range(len(less))), moved)


def run(servers: int, students_a_key: int, days: int, *, students: int = STUDENTS, weight: int = WEIGHT) -> list[Day]:
    """Every day."""
    circle = Circle(servers, weight=weight)
    less = [circle.without(number) for number in range(servers)]
    return [simulate(keys_of(day, students_a_key, students), circle, less) for day in range(days)]


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--servers", type=int, default=20)
    options.add_argument("--students-a-key", type=int, default=ClusterSettings().route_students_a_key)
    options.add_argument("--days", type=int, default=DAYS)
    options.add_argument("--weight", type=int, default=WEIGHT)
    chosen = options.parse_args()
    days = run(chosen.servers, chosen.students_a_key, chosen.days, weight=chosen.weight)
    fullest = [day.fullest for day in days]
    shares = [[day.share_moved(lost) * chosen.servers for lost in range(chosen.servers)] for day in days]
    print(f"{STUDENTS:,} students in {len(SIZES)} exams, {days[0].keys} keys, {chosen.servers} servers, {len(days)} days")
    print(f"students of the fullest server over the mean: {_spread(fullest)}")
    print(f"students who move when one server is lost, times the servers: {_spread([share for day in shares for share in day])}")
    print(f"the same of each day's fullest server: {_spread([max(day) for day in shares])}")
    within = statistics.mean(share <= MOVED_MOST for day in shares for share in day)
    print(f"losses that move at most {MOVED_MOST:g}/servers of the students: {100 * within:.0f} %")


def _spread(values: Sequence[float]) -> str:
    ranked = sorted(values)
    return f"mean {statistics.mean(ranked):.2f}, median {statistics.median(ranked):.2f}, p95 {ranked[int(0.95 * (len(ranked) - 1))]:.2f}"


if __name__ == "__main__":
    main()
