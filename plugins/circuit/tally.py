"""Calls of the last seconds, in ten buckets that are forgotten one by one. Pure."""

from __future__ import annotations

BUCKETS = 10


class Tally:
    __slots__ = ("_buckets", "_last", "calls", "failures", "slow")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._buckets = [[0, 0, 0] for _ in range(BUCKETS)]
        self._last = 0  # the number of the latest bucket since the clock began
        self.calls = self.failures = self.slow = 0

    def add(self, now: float, window: float, *, calls: int = 0, failures: int = 0, slow: int = 0) -> None:
        self.forget(now, window)
        bucket = self._buckets[self._last % BUCKETS]
        bucket[0] += calls
        bucket[1] += failures
        bucket[2] += slow
        self.calls += calls
        self.failures += failures
        self.slow += slow

    def forget(self, now: float, window: float) -> None:
        """What is older than the window."""
        latest = int(now * BUCKETS / window)
        passed = latest - self._last
        if passed < 0:  # the window was made longer by a reload: counting begins anew
            self.clear()
        for number in range(min(max(passed, 0), BUCKETS)):
            bucket = self._buckets[(latest - number) % BUCKETS]
            self.calls -= bucket[0]
            self.failures -= bucket[1]
            self.slow -= bucket[2]
            bucket[:] = [0, 0, 0]
        self._last = latest
