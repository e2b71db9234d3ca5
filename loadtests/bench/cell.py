"""One measurement: the provider is told how to answer, the path is loaded, its process looked at before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import sleep

from loadtests.bench import usage
from loadtests.bench.client import Job, Result
from loadtests.bench.load import Load, request
from loadtests.bench.matrix import FIRST_TOKEN_SECONDS, STOCK, Setting
from loadtests.bench.paths import KEY, Path_, Provider
from loadtests.bench.processes import LOOPBACK

# What a gateway still does when the client has all of it: a log line, or with LiteLLM half a request's work.
QUIET_SHARE = 0.05
LOOK_SECONDS = 0.05
MOST_LOOKS = 60


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one cell. CPU is the gateway's; None where there is none."""

    cpu: float | None
    result: Result | None
    error: str | None = None
    provider_cpu: float | None = None
    client_cpu: float | None = None


@dataclass(slots=True)
class Bench:
    """What cells have in common."""

    provider: Provider
    load: Load
    seconds: float
    stock_seconds: float
    texts: dict[int, str] = field(default_factory=dict)  # by tokens: what direct answers

    def measure(self, path: Path_, setting: Setting) -> Measured:
        """A closed loop: `streams` connections, each asking again as soon as it has its answer."""
        knobs = {"pace": setting.pace, "segment": setting.segment, "tokens": setting.tokens}
        self.provider.turn(**knobs, first_token=0)  # connections are warmed without waiting for a first token
        slow = path.name == STOCK
        seconds = self.stock_seconds if slow else setting.answer_seconds + self.seconds
        job = Job(
            host=LOOPBACK,
            port=path.port,
            request=request(path.port, KEY, setting.tokens),
            warm_request=request(path.port, KEY, 1),
            streams=setting.streams,
            tokens=setting.tokens,
            seconds=seconds,
            most_seconds=seconds if slow else seconds + 15,
            apart_seconds=setting.answer_seconds,
            expected=self.texts.get(setting.tokens),
        )
        measured = self._run(path, job, lambda: self.provider.turn(**knobs, first_token=FIRST_TOKEN_SECONDS))
        if path.pid is None and measured.result and measured.result.text:
            self.texts.setdefault(setting.tokens, measured.result.text)
        return measured

    def ceiling(self, path: Path_, *, streams: int, seconds: float) -> Measured:
        """Requests per second, when every answer is one token and comes at once."""
        self.provider.turn(segment="tick", tokens=1, first_token=0)
        text = request(path.port, KEY, 1)
        job = Job(LOOPBACK, path.port, text, text, streams, 1, seconds, seconds + 5, 0, None, brief=True)
        return self._run(path, job)

    def soak(self, path: Path_, answers: int, *, streams: int, seconds: float) -> Measured:
        """So many short answers, or as many as there is time for."""
        self.provider.turn(segment="tick", tokens=8, first_token=0)
        text = request(path.port, KEY, 8)
        job = Job(LOOPBACK, path.port, text, text, streams, 8, seconds, seconds + 5, 0, None, answers, brief=True)
        return self._run(path, job)

    def _run(self, path: Path_, job: Job, when_warm: Callable[[], None] = lambda: None) -> Measured:
        pids = [path.pid, self.provider.pid, self.load.pid]
        before: list[float] = []

        def start() -> None:
            when_warm()
            _settle(path.pid)
            before[:] = self._cpu(pids)

        result = self.load.measure(job, start)
        if isinstance(result, str):
            return Measured(None, None, result)
        _settle(path.pid)
        used = [after - earlier for after, earlier in zip(self._cpu(pids), before, strict=True)]
        return Measured(used[0] if path.pid is not None else None, result, None, used[1], used[2])

    def _cpu(self, pids: list[int | None]) -> list[float]:
        return [usage.cpu_seconds(pid) if pid is not None else 0.0 for pid in pids]


def _settle(pid: int | None) -> None:
    """What is left of the last answers belongs to the cell that asked for them."""
    if pid is None:
        return
    used = usage.cpu_seconds(pid)
    for _ in range(MOST_LOOKS):
        sleep(LOOK_SECONDS)
        before, used = used, usage.cpu_seconds(pid)
        if used - before < QUIET_SHARE * LOOK_SECONDS:
            return
