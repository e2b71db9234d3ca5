"""The stages of a scenario as Locust's shape."""

from __future__ import annotations

from time import perf_counter

from locust import LoadTestShape

from loadtests.plan.job import Job
from loadtests.plan.timeline import stretches, users_at
from loadtests.users.keeping import start_clock

LEAD_SECONDS = 0.5  # to open connections before the clock starts
LEAD_SECONDS_PER_USER = 0.005
MOST_PER_SECOND = 100


class StagesShape(LoadTestShape):
    abstract = True  # to Locust, which would make one without a job

    def __init__(self, job: Job, processes: int) -> None:
        super().__init__()
        self.job = job
        self.processes = processes
        self._line = stretches(self.job.scenario.stages)
        self._origin: float | None = None

    def reset_time(self) -> None:
        """Locust calls it when a test starts, again for each test begun on its page."""
        super().reset_time()
        self._origin = None

    def tick(self) -> tuple[int, float] | None:
        now = perf_counter()
        if self._origin is None:
            users = self._users(0.0)
            self._origin = now + LEAD_SECONDS + LEAD_SECONDS_PER_USER * users
            if self.job.folder is not None:
                start_clock(self.job.folder, self._origin)
        at = now - self._origin
        if at >= self._line[-1].end:
            return None
        if self.job.scenario.is_open or at < 0:
            return self._users(0.0), MOST_PER_SECOND * self.processes
        return users_at(self._line, at)

    def _users(self, at: float) -> int:
        if self.job.scenario.is_open:
            return self.processes  # one dispatcher each
        return (users_at(self._line, at) or (1, 1.0))[0]
