"""What all users of one process share."""

from __future__ import annotations

import gc
import os
import ssl
import time
from contextlib import suppress
from time import perf_counter
from typing import Any

import gevent
import orjson

from loadtests.measure.connection import Connection, Patience
from loadtests.measure.lag import LagMeter
from loadtests.measure.pump import Pump
from loadtests.measure.request import Address, address_of, get, post
from loadtests.measure.sampling import Ask, sample_of
from loadtests.plan.asking import Chooser, Question
from loadtests.plan.job import Job, Place
from loadtests.plan.timeline import place, stretches
from loadtests.record.sample import Phase, Sample
from loadtests.users.keeping import Keeper, read_clock
from loadtests.users.part import Part
from loadtests.users.telling import tell

FLUSH_SECONDS = 0.5
FIRST_IN_LINE = -10  # what waits for a core here is measured as somebody else's slowness


class Door:
    """One place with its key: an address, and requests as it wants them."""

    def __init__(self, place: Place, way: str, context: ssl.SSLContext) -> None:
        self.address: Address = address_of(place.url)
        self.way = way
        self.context = context if self.address.tls else None
        key = os.environ.get(place.key_variable, "") if place.key_variable else ""
        self.headers = {"authorization": f"Bearer {key}"} if key else {}


class Session:
    def __init__(self, job: Job, environment: Any, process: int, part: Part) -> None:
        scenario = job.scenario
        context = ssl.create_default_context()  # one for all: making one takes 16 ms
        own = {name: job.prompts_of(name) for name in job.own_prompts}
        patience = scenario.patience
        self.job = job
        self.part = part
        self.line = stretches(scenario.stages)
        self.chooser = Chooser(scenario, own, process, job.run)
        self.target = Door(job.target, "target", context)
        self.direct = Door(job.direct, "direct", context) if job.direct and self._compares() else None
        self._environment = environment
        self._patience = Patience(
            patience.connect_seconds, patience.first_token_seconds, patience.stall_seconds, patience.total_seconds
        )
        self._pump = Pump()
        self._lag = LagMeter(self._stage_now)
        self._keeper = Keeper(job.folder) if job.folder else None
        self._origin: float | None = None
        self._asked = 0
        self._begun_at = time.time()

    def begin(self) -> None:
        """Once the clock is about to start: what is loaded now lives as long as the process."""
        gc.collect()
        gc.freeze()
        with suppress(OSError):  # not everybody may
            os.setpriority(os.PRIO_PROCESS, 0, FIRST_IN_LINE)
        self._lag.start()
        if self._keeper is not None:
            gevent.spawn(self._flush)

    def end(self) -> None:
        if self._keeper is not None:
            self._keeper.lag(self._lag.read())
            self._keeper.close()
            self._keeper = None
        self._lag.stop()

    @property
    def origin(self) -> float:
        """When the run's clock began: the same moment for all processes, wherever they are."""
        if self.job.folder is None and self.part.origin is not None:
            return self.part.origin
        if self._origin is None:
            self._origin = (read_clock(self.job.folder) if self.job.folder else None) or perf_counter()
        return self._origin

    def now(self) -> float:
        return perf_counter() - self.origin

    @property
    def is_over(self) -> bool:
        bounds = self.job.scenario.bounds
        return self.now() >= self.line[-1].end or self._asked * max(self.part.of, 1) >= bounds.max_requests

    def connect(self, door: Door) -> Connection:
        return Connection(door.address, self._pump, door.context, self._patience)

    def warm(self, door: Door) -> Connection:
        """Open, with one answer behind it; one that cannot be opened now will say so when it is asked."""
        connection = self.connect(door)
        connection.ask(get(door.address, door.headers))
        return connection

    def next_door(self) -> Door:
        """Each nth request goes to the provider itself."""
        self._asked += 1
        every = self.job.scenario.compare.every if self.job.scenario.compare else 0
        if self.direct is not None and self._asked % every == 0:
            return self.direct
        return self.target

    def ask(self, door: Door, connection: Connection, question: Question, intended: float | None) -> Sample:
        compare = self.job.scenario.compare
        if door is not self.target and compare is not None:
            question = question.to(compare)
        number = f"load-{os.getpid()}-{self._asked}"
        request = post(door.address, orjson.dumps(question.body), door.headers | {"x-request-id": number})
        reply = connection.ask(request)
        ask = Ask(
            id=number,
            way=door.way,
            workload=question.model,
            model=str(question.body["model"]),
            streamed=question.streamed,
            most_tokens=question.most_tokens,
            expected_models=question.expect,
        )
        late = self._lag.latest_since(reply.sent)
        sample = sample_of(ask, reply.sent if intended is None else intended, reply, late)
        if self._keeper is not None:
            self._keeper.keep(sample)
        tell(self._environment, sample, self._begun_at)
        return sample

    def _stage_now(self) -> str | None:
        """While it is steady. Whoever has not begun must not ask for the clock, which may not have started."""
        if self._origin is None and self.job.folder is not None:
            return None
        stage, phase = place(self.line, self.now())
        return stage if phase is Phase.STEADY else None

    def _compares(self) -> bool:
        compare = self.job.scenario.compare
        return compare is not None and "direct" in compare.ways

    def _flush(self) -> None:
        while self._keeper is not None:
            self._keeper.flush()
            self._keeper.lag(self._lag.read())
            gevent.sleep(FLUSH_SECONDS)
