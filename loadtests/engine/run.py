"""One run in order: whoever is measured starts, the generator asks, faults come and go, all becomes a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from loadtests.bench.processes import ROOT, started
from loadtests.bench.usage import cpu_seconds, megabytes
from loadtests.engine import facts
from loadtests.engine.circuits import Circuits
from loadtests.engine.climb import Climb
from loadtests.engine.faults import Faults
from loadtests.engine.generator import Generator, GeneratorError, generator
from loadtests.engine.local import KEY, Local, local
from loadtests.engine.merge import on_the_clock, stage_marks
from loadtests.engine.soundness import generator_facts, late_marks
from loadtests.engine.tail import Tail
from loadtests.engine.view import View
from loadtests.measure.request import address_of
from loadtests.plan.consent import is_loopback
from loadtests.plan.cost import Estimate
from loadtests.plan.job import Job, Place, job_of
from loadtests.plan.reading import Plan
from loadtests.plan.timeline import Stretch, place, stretches
from loadtests.record.folder import Run
from loadtests.record.sample import Mark
from loadtests.users.keeping import read_clock

LOOK_SECONDS = 0.1
KEY_VARIABLE = "WAFERLINE_LOAD_KEY"  # where the key of our own gateway stands for the generator
BUSIEST_SECONDS = 5.0  # a burst is over before the mean of a run tells of it
INTERRUPTED_SECONDS = 5.0  # for those who are in the middle of an answer


@dataclass(frozen=True, slots=True)
class Aim:
    """What is loaded. None of it: simulated providers and a gateway of our own."""

    target: Place | None = None
    direct: Place | None = None
    lane: str | None = None  # of the gateway of our own; None: as its policies say


@dataclass(slots=True)
class _Watched:
    """What the engine itself sees of a run."""

    interrupted: bool = False
    reached: float = 0.0  # on the run's clock
    marks: list[Mark] = field(default_factory=list)
    gateway: dict[str, Any] = field(default_factory=dict)


def run(plan: Plan, aim: Aim, estimate: Estimate, folder: Path, view: View, more: Mapping[str, Any]) -> Run:
    """The run, whole or interrupted. Raises BenchError or GeneratorError when nothing came of it."""
    folder.mkdir(parents=True)
    line = stretches(plan.scenario.stages)
    tail = Tail(folder)
    climb = Climb(plan.scenario, line, Path(more["slo"]) if "slo" in more else None, facts.primaries())
    watched = _Watched()
    began = datetime.now(UTC)
    with _aimed(plan, aim, folder, view) as (target, direct, own):
        job = job_of(plan, target, direct, folder)
        environment = {KEY_VARIABLE: KEY} if own else {}
        with generator(job, folder, environment) as running, _sdk(job, folder, environment):
            _watch(plan, job, own, line, running, tail, climb, view, watched)
    if watched.interrupted and not tail.samples:
        raise KeyboardInterrupt
    origin = read_clock(folder)
    if origin is None or not tail.samples:
        raise GeneratorError(f"no request was sent: see {folder}/generator.log")
    ended = climb.finish(watched.reached, tail.lags())
    line = line[: ended.stages] if ended else line
    samples = on_the_clock(tail.samples, origin, line)
    late = late_marks(plan.scenario, tail.lags(), origin)
    marks = sorted([*stage_marks(line), *watched.marks, *late], key=lambda mark: mark.at)
    info = {
        "version": 1,
        "name": folder.name,
        "began": began.isoformat(timespec="seconds"),
        "seconds": round(max(sample.end for sample in samples), 3),
        "interrupted": watched.interrupted,
        "scenario": {
            "name": plan.name,
            "kind": "open" if plan.scenario.is_open else "closed",
            "hash": plan.hash(),
            **plan.scenario.model_dump(mode="json"),
        },
        "target": _told(job, own, aim.lane),
        "stages": [stretch.told for stretch in line],
        "ended": {"why": ended.why, "text": ended.text} if ended else None,
        "prompts": {"hash": plan.prompts_hash(), "files": sorted(plan.own_prompts), "replayed": len(plan.replayed)},
        "max_tokens": max((ask.max_tokens for ask in plan.scenario.asks), default=None),
        "seed": plan.scenario.seed,
        "generator": generator_facts(plan.scenario, tail.lags(), samples, [stretch.name for stretch in line]),
        "budget": {"requests": estimate.requests, "tokens": estimate.tokens, "cost_usd": estimate.cost},
        "gateway": watched.gateway,
        "primaries": facts.primaries(),
        "references": facts.references(),
        "environment": facts.environment(),
        "versions": facts.versions(),
        **more,
    }
    tail.clear()
    return Run(info, samples, marks)


@contextmanager
def _aimed(plan: Plan, aim: Aim, folder: Path, view: View) -> Iterator[tuple[Place, Place | None, Local | None]]:
    if aim.target is not None:
        yield aim.target, aim.direct, None
        return
    view.say(f"starting two simulated providers and the gateway{f', lane: {aim.lane}' if aim.lane else ''} ...")
    with local(folder, plan.scenario.simulator, aim.lane) as own:
        view.say(f"gateway at {own.url}")
        yield Place(url=own.url, key_variable=KEY_VARIABLE), Place(url=own.direct, key_variable=KEY_VARIABLE), own


@contextmanager
def _sdk(job: Job, folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    compare = job.scenario.compare
    if compare is None or "sdk" not in compare.ways or job.direct is None:
        yield
        return
    command = [sys.executable, "-m", "loadtests.engine.sdk", str(folder / "job.part")]
    told = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    with started(command, folder / "sdk.log", environment=told) as process:
        yield
        with suppress(subprocess.TimeoutExpired):
            process.wait(job.scenario.patience.stall_seconds)


def _watch(
    plan: Plan,
    job: Job,
    own: Local | None,
    line: list[Stretch],
    running: Generator,
    tail: Tail,
    climb: Climb,
    view: View,
    watched: _Watched,
) -> None:
    """Until the generator has ended, or somebody has had enough."""
    key = KEY if own else os.environ.get(job.target.key_variable or "")
    circuits = Circuits(job.target.url, key)
    faults = Faults(plan.scenario.faults if own else (), own.providers if own else {})
    used = _Used(own)
    bounds = plan.scenario.bounds
    at, spent = 0.0, 0
    try:
        while running.is_running:
            time.sleep(LOOK_SECONDS)
            new = tail.look()
            spent += sum((each.prompt_tokens or 0) + (each.completion_tokens or 0) for each in new)
            origin = read_clock(job.folder) if job.folder else None
            if origin is None:
                continue
            at = perf_counter() - origin
            used.look()
            faults.turn(at)
            circuits.look(at)
            view.show(place(line, max(at, 0))[0], at, line[-1].end, tail.samples)
            if len(tail.samples) > bounds.max_requests or spent > bounds.max_tokens:
                view.say("a bound of the scenario is reached: stopping")
                break
            if climb.is_over(at, origin, tail):
                break
    except KeyboardInterrupt:
        watched.interrupted = True
    finally:
        watched.reached = at
        faults.end(at)
        watched.gateway = {"status": circuits.fetch("status"), **used.end()}
        running.stop(INTERRUPTED_SECONDS)
        tail.look()
        view.close()
        watched.marks += [*faults.marks, *circuits.marks]
    if not watched.interrupted:
        running.check()


class _Used:
    """What a gateway of our own needs: CPU, of one core, over all and at its busiest, and memory at both ends."""

    def __init__(self, own: Local | None) -> None:
        self._pid = own.gateway if own else None
        self._since: tuple[float, float] | None = None
        self._looks: deque[tuple[float, float]] = deque()
        self._busiest = 0.0

    def look(self) -> None:
        if self._pid is None or (self._looks and perf_counter() < self._looks[-1][0] + 1):
            return
        now, cpu = perf_counter(), cpu_seconds(self._pid)
        if self._since is None:
            self._since = (now, cpu)
            self._megabytes = megabytes(self._pid)
        self._looks.append((now, cpu))
        while self._looks[-1][0] - self._looks[0][0] > BUSIEST_SECONDS:
            then, before = self._looks.popleft()
            self._busiest = max(self._busiest, (cpu - before) / (now - then))

    def end(self) -> dict[str, float]:
        if self._pid is None or self._since is None:
            return {}
        since, cpu = self._since
        return {
            "cpu_share": round((cpu_seconds(self._pid) - cpu) / max(perf_counter() - since, 1e-9), 3),
            "cpu_share_busiest": round(self._busiest, 3),
            "memory_mb_begin": round(self._megabytes),
            "memory_mb_end": round(megabytes(self._pid)),
        }


def _told(job: Job, own: Local | None, lane: str | None) -> dict[str, Any]:
    host = address_of(job.target.url).host
    return {
        "url": job.target.url,
        "host": host,
        "models": sorted({ask.model for ask in job.scenario.asks} or {each.model for each in job.requests()}),
        "is_simulated": own is not None,
        "lane": lane,
        "is_here": is_loopback(host),
        "direct": job.direct.url if job.direct else None,
    }
