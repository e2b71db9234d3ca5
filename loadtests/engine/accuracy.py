"""The generator against a provider whose truth is known: how far are its figures off on this machine, right now?"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.engine.generator import generator
from loadtests.engine.local import provider
from loadtests.engine.tail import Tail
from loadtests.engine.truth import Accuracy, compare
from loadtests.plan.job import Place, job_of
from loadtests.plan.reading import Plan
from loadtests.plan.scenario import Ask, Generator, Scenario, Stage

MODEL = "gpt-oss-120b"
PACE = 2300
FIRST_TOKEN_SECONDS = 0.17
_LOOK_SECONDS = 0.1
_KEY_VARIABLE = "WAFERLINE_ACCURACY_KEY"


def measure(streams: int, seconds: float, tokens: int, segment: str, per_event: float) -> Accuracy:
    """One generator process, `streams` at once, straight to one provider."""
    with TemporaryDirectory(prefix="waferline-accuracy-") as name:
        folder = Path(name)
        with provider("cerebras", folder, knobs(tokens, segment, per_event)) as found:
            target = Place(url=found.base, key_variable=_KEY_VARIABLE)
            job = job_of(_plan(streams, seconds, tokens), target, None, folder)
            tail = Tail(folder)
            with generator(job, folder, {_KEY_VARIABLE: "simulated"}) as running:
                while running.is_running:
                    time.sleep(_LOOK_SECONDS)
                running.check()
            tail.look()
            cpu = sum(each["cpu_seconds"] for each in tail.lags())
            return compare(tail.samples, found.chats(), found.started(), cpu, streams)


def knobs(tokens: int, segment: str, per_event: float) -> dict[str, object]:
    return {
        "pace": PACE,
        "first_token": FIRST_TOKEN_SECONDS,
        "tokens": tokens,
        "text": "numbered",
        "segment": segment,
        "tokens_per_event": per_event,
    }


def _plan(streams: int, seconds: float, tokens: int) -> Plan:
    scenario = Scenario(
        purpose="How accurate is the generator here?",
        asks=[Ask(model=MODEL, max_tokens=tokens, parameters={"reasoning_effort": "low"})],
        stages=[Stage(name="steady", seconds=seconds, users=streams, ramp_seconds=min(0.6, seconds / 2))],
        generator=Generator(processes=1),
    )
    return Plan("accuracy", scenario, {}, [])
