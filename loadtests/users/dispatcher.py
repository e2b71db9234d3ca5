"""An open loop: requests are due whether or not others have their answers, and count from when they were due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from time import perf_counter

import gevent
from gevent.pool import Group
from locust import User, task
from locust.exception import StopUser

from loadtests.measure.connection import Connection
from loadtests.plan.asking import Question
from loadtests.plan.timeline import arrivals
from loadtests.users.session import Door, Session

WARM_SECONDS = 1.0  # of arrivals, which need a connection each while they are answered
MOST_WARM = 512
UNTOLD_SECONDS = 0.02


class Dispatcher(User):
    abstract = True
    session: Session  # set by the locustfile

    def on_start(self) -> None:
        session = self.session
        self._running = Group()
        self._free: dict[Door, deque[Connection]] = {session.target: deque()}
        if session.direct is not None:
            self._free[session.direct] = deque()
        for door, free in self._free.items():
            warming = [gevent.spawn(session.warm, door) for _ in range(self._likely_in_flight())]
            free.extend(each.value for each in gevent.joinall(warming) if each.value is not None)
        self._changes = 0

    def on_stop(self) -> None:
        self._running.join(timeout=self.session.job.scenario.patience.total_seconds)

    @task
    def dispatch(self) -> None:
        session = self.session
        if not session.part.of:
            gevent.sleep(UNTOLD_SECONDS)
            return
        if self._has_another_part:
            self._changes, self._due = session.part.changes, self._schedule()
        found = next(self._due, None)
        if found is None or session.is_over:
            raise StopUser
        due, question = found
        wait = session.origin + due - perf_counter()
        if wait > 0:
            gevent.sleep(wait)
        if self._has_another_part:
            return  # that request may be another's now
        self._running.spawn(self._ask, session.origin + due, question)

    @property
    def _has_another_part(self) -> bool:
        return self._changes != self.session.part.changes

    def _ask(self, intended: float, question: Question) -> None:
        session = self.session
        door = session.next_door()
        free = self._free[door]
        connection = free.pop() if free else session.connect(door)
        session.ask(door, connection, question, intended)
        free.append(connection)

    def _schedule(self) -> Iterator[tuple[float, Question]]:
        """Of its part, since it has it."""
        session = self.session
        scenario, part = session.job.scenario, session.part
        if scenario.recorded is not None:
            for each in session.job.requests()[part.index :: part.of]:
                if (due := each.at / scenario.recorded.speed) >= part.since:
                    yield due, session.chooser.replay(each)
            return
        for due in arrivals(session.line, scenario.arrival, 1 / part.of, f"{scenario.seed}/{part.index}"):
            if due >= part.since:
                yield due, session.chooser.next()

    def _likely_in_flight(self) -> int:
        scenario = self.session.job.scenario
        requests = self.session.job.requests()
        span = requests[-1].at if requests else 0.0
        speed = scenario.recorded.speed if scenario.recorded else 1.0
        rate = max([stage.rate or 0.0 for stage in scenario.stages] + ([len(requests) * speed / span] if span else []))
        return min(max(4, round(rate * WARM_SECONDS / max(self.session.part.of, 1))), MOST_WARM)
