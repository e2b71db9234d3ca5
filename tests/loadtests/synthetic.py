"""Runs as a load generator would have written them, made from a seed: realistic, and with whatever is wrong put in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from loadtests.record.folder import Run
from loadtests.record.sample import Mark, Outcome, Phase, Sample

PRIMARY, FALLBACK = "cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"
STAGES = ({"name": "steady", "begin": 0.0, "end": 20.0, "ramp_until": 2.0, "users": 16},)
REFERENCES = {"gpt-oss-120b": {"tokens_per_s": 1844.0, "first_token_ms": 300.0}}
Change = Callable[[Sample, random.Random], Sample]


def info(**more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "name": "20261127-180000-steady",
        "began": "2026-11-27T18:00:00Z",
        "seconds": 20.0,
        "interrupted": False,
        "scenario": {"name": "steady", "kind": "closed", "hash": "0123456789ab"},
        "target": {"url": "http://127.0.0.1:4000", "host": "127.0.0.1", "models": ["chat"], "is_simulated": True},
        "stages": [dict(stage) for stage in STAGES],
        "prompts": {"source": "shipped", "count": 40, "hash": "ab12"},
        "max_tokens": 256,
        "seed": 1,
        "generator": {"processes": 1, "cpu_share": 0.4, "lag_p50_ms": 0.1, "lag_p99_ms": 1.2, "bottleneck": None},
        "primaries": [PRIMARY],
        "references": {model: dict(held) for model, held in REFERENCES.items()},
        "environment": {"python": "3.11.9", "platform": "Linux", "cpus": "2"},
        "versions": {"waferline": "d3fb5d0", "locust": "2.47.0"},
        **more,
    }


def sample(chance: random.Random, due: float, number: int, *, first_ms: float = 171.0, rate: float = 2300.0) -> Sample:
    """Of a healthy answer: a first token with a little noise and a tail, then tokens at an even pace."""
    tail = chance.expovariate(1 / 40) if chance.random() < 0.03 else 0.0
    first = due + (chance.gauss(first_ms, first_ms * 0.02) + chance.expovariate(1 / 2) + tail) / 1000
    tokens = chance.randint(200, 300)
    last = first + tokens / chance.gauss(rate, rate * 0.01)
    return Sample(
        id=f"wl-{number:06d}",
        stage="steady",
        phase=Phase.STEADY,
        way="target",
        workload="chat",
        outcome=Outcome.WHOLE,
        intended=due,
        sent=due + 0.0002,
        end=last + 0.001,
        status=200,
        headers=first - 0.01,
        role=first - 0.005,
        first=first,
        last=last,
        gap=chance.uniform(0.004, 0.012),
        deliveries=tokens // 4,
        events=tokens // 2,
        first_events=1,
        octets=tokens * 120,
        prompt_tokens=60,
        completion_tokens=tokens,
        finish="stop",
        model_served="gpt-oss-120b",
        target=PRIMARY,
        lane="express",
        attempts=1,
        queue_seconds=0.0003,
        numbers_hold=True,
    )


def run(
    seed: int = 1,
    *,
    count: int = 1200,
    first_ms: float = 171.0,
    rate: float = 2300.0,
    change: Change | None = None,
    marks: Sequence[Mark] = (),
    stages: Sequence[dict[str, Any]] = STAGES,
    about: Mapping[str, Any] | None = None,
) -> Run:
    """Due at an even rate over the stages; what is due within a stage's ramp is of its ramp."""
    chance = random.Random(seed)
    begin, end = float(stages[0]["begin"]), float(stages[-1]["end"])
    made = []
    for number in range(count):
        due = begin + (end - begin) * number / count
        stage = next(each for each in stages if due < float(each["end"]))
        phase = Phase.RAMP if due < float(stage.get("ramp_until") or 0) else Phase.STEADY
        one = replace(sample(chance, due, number, first_ms=first_ms, rate=rate), stage=str(stage["name"]), phase=phase)
        made.append(change(one, chance) if change else one)
    told = info(stages=[dict(stage) for stage in stages], seconds=end - begin, **(about or {}))
    return Run(told, made, list(marks))


def broken(one: Sample, outcome: Outcome, **more: Any) -> Sample:
    """The same request when it went wrong."""
    nothing: dict[str, Any] = {
        "first": None,
        "last": None,
        "gap": None,
        "events": 0,
        "first_events": 0,
        "deliveries": 0,
        "role": None,
    }
    gone = {Outcome.FAILED, Outcome.LIMITED, Outcome.SHED, Outcome.REFUSED}
    return replace(one, outcome=outcome, **({**nothing, "completion_tokens": None} if outcome in gone else {}), **more)


def some(share: float, change: Change) -> Change:
    return lambda one, chance: change(one, chance) if chance.random() < share else one


def beside(one: Run, way: str, seed: int, *, first_ms: float = 171.0, rate: float = 2300.0) -> list[Sample]:
    """The same load sent another way, interleaved with it."""
    other = run(seed, count=len(one.samples), first_ms=first_ms, rate=rate)
    return [
        replace(each, way=way, id=f"{way}-{each.id}", target=None, lane=None, attempts=None) for each in other.samples
    ]


def climbing(loads: list[float], carries: float) -> Run:
    """Users that each ask once a second of something that carries so many; the others wait for their turn."""
    chance = random.Random(4)
    stages: list[dict[str, Any]] = []
    made: list[Sample] = []
    for place, load in enumerate(loads):
        begin = place * 10.0
        stages.append({"name": f"level-{place}", "begin": begin, "end": begin + 10.0, "users": load})
        served = min(load, carries)
        wait = 170 * max(1.0, load / carries) ** 2
        for number in range(int(served * 10.0)):
            one = sample(chance, begin + number / served, len(made), first_ms=wait)
            made.append(replace(one, stage=f"level-{place}", phase=Phase.STEADY))
    return Run(info(stages=stages), made)
