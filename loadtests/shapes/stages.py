"""The stages of a scenario as Locust's shape."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from locust import LoadTestShape

from loadtests.plan.job import Job
from loadtests.plan.timeline import stretches, users_at
from loadtests.shapes.shares import Shares
from loadtests.users.keeping import start_clock

LEAD_SECONDS = 0.5  # to open connections before the clock starts
LEAD_SECONDS_PER_USER = 0.005
MOST_PER_SECOND = 100


class StagesShape(LoadTestShape):
    abstract = True  # to Locust, which would make one without a job

    def __init__(self, job: Job, runner: Any) -> None:
        super().__init__()
        self.job = job
        self._shares = Shares(runner)
        self._line = stretches(self.job.scenario.stages)
        self._origin: float | None = None

    def reset_time(self) -> None:
        """Locust calls it when a test starts, a master once more while it does: the clock would start twice."""
        super().reset_time()
        if self._origin is not None and perf_counter() < self._origin:
            return
        self._shares.begin()
        self._origin = None

    def tick(self) -> tuple[int, float] | None:
        now = perf_counter()
        if self._origin is None:
            users = 1 if self.job.scenario.is_open else self._users(0.0)
            self._origin = now + LEAD_SECONDS + LEAD_SECONDS_PER_USER * users
            if self.job.folder is not None:
                start_clock(self.job.folder, self._origin)
        at = now - self._origin
        if at >= self._line[-1].end:
            return None
        processes = max(self._shares.tell(at), 1)
        if self.job.scenario.is_open:
            return processes, MOST_PER_SECOND * processes  # one dispatcher each
        return (self._users(0.0), MOST_PER_SECOND * processes) if at < 0 else users_at(self._line, at)

    def _users(self, at: float) -> int:
        return (users_at(self._line, at) or (1, 1.0))[0]
