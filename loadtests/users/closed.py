"""A closed loop: users who ask again when they have their answer. It finds capacity, and hides an outage."""

from __future__ import annotations

import random

import gevent
from locust import User, task
from locust.exception import StopUser

from loadtests.measure.connection import Connection
from loadtests.users.session import Door, Session

MOST_RETRY_SECONDS = 8.0  # as OpenAI's and Cerebras' SDKs wait at most


class ClosedUser(User):
    abstract = True
    session: Session  # set by the locustfile

    def on_start(self) -> None:
        session = self.session
        self._connections: dict[Door, Connection] = {session.target: session.warm(session.target)}
        if session.direct is not None:
            self._connections[session.direct] = session.warm(session.direct)
        # Those who are there when the clock starts are spread over the ramp: in step they would measure their burst.
        spread = session.line[0].ramp_until
        wait = random.uniform(0, spread) - session.now()  # noqa: S311  it guards nothing
        if session.now() < spread and wait > 0:
            gevent.sleep(wait)

    def on_stop(self) -> None:
        for connection in self._connections.values():
            connection.close()

    @task
    def ask(self) -> None:
        session = self.session
        if session.is_over:
            raise StopUser
        door = session.next_door()
        sample = session.ask(door, self._connections[door], session.chooser.next(), None)
        # Who is turned away comes again when told, as SDKs do: else those few would ask more than all others together.
        if rest := max(session.job.scenario.think_seconds, min(sample.retry_after or 0.0, MOST_RETRY_SECONDS)):
            gevent.sleep(rest)
