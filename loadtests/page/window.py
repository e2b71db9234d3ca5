"""Percentiles of the last seconds, from tables that count how often each value was seen. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from math import ceil, inf

Tables = Mapping[str, Counter[float]]  # by figure
BEGINNING: tuple[float, Tables] = (-inf, {})


def at_shares(table: Counter[float], shares: Sequence[float]) -> list[float | None]:
    """None: nothing was seen."""
    total = sum(table.values())
    found: dict[float, float] = {}
    passed = 0
    wanted = sorted(shares)
    for value in sorted(table):
        passed += table[value]
        while wanted and total and passed >= ceil(wanted[0] * total):
            found[wanted.pop(0)] = value
    return [found.get(share) for share in shares]


class Window:
    """Locust counts from a test's beginning. What came since is the difference of two looks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._looks: deque[tuple[float, Tables]] = deque([BEGINNING])

    def look(self, at: float, tables: Tables) -> Tables:
        """What was seen within the last seconds. Where there is less than before, a new test has begun."""
        last = self._looks[-1][1]
        if any(tables[name].total() < table.total() for name, table in last.items()):
            self._looks = deque([BEGINNING])
        while len(self._looks) > 1 and self._looks[1][0] <= at - self._seconds:
            self._looks.popleft()
        before = self._looks[0][1]
        self._looks.append((at, tables))
        return {name: table - before.get(name, Counter()) for name, table in tables.items()}
