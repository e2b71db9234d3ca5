"""What each setting of a scenario allows by itself, and no run could do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from loadtests.plan.scenario import Scenario
from plugins.config.located import Located
from plugins.config.problem import Problem


def misfits(document: Located, scenario: Scenario) -> list[Problem]:
    return [*_stages(document, scenario), *_asks(document, scenario), *_faults(document, scenario)]


def _stages(document: Located, scenario: Scenario) -> Iterator[Problem]:
    wanted = {"closed": "users", "recorded": None}.get(scenario.arrival, "rate")
    names = Counter(stage.name for stage in scenario.stages)
    for index, stage in enumerate(scenario.stages):
        place = ("stages", index)
        for name in ("users", "rate"):
            value = getattr(stage, name)
            if name == wanted and value is None:
                what = f"is missing: a stage with arrival {scenario.arrival!r} needs it"
                yield document.problem((*place, name), what, cure="add it")
            if name != wanted and value is not None:
                what = f"means nothing with arrival {scenario.arrival!r}"
                yield document.problem((*place, name), what, cure=f"use {wanted!r}" if wanted else "remove it")
        if stage.ramp_seconds >= stage.seconds:
            yield document.problem(
                (*place, "ramp_seconds"),
                f"leaves nothing of the stage's {stage.seconds:g} seconds to measure",
                was=f"{stage.ramp_seconds:g}",
                cure="make it shorter",
            )
        if names[stage.name] > 1:
            yield document.problem((*place, "name"), "is the name of another stage too", was=repr(stage.name))


def _asks(document: Located, scenario: Scenario) -> Iterator[Problem]:
    if scenario.arrival == "recorded":
        if scenario.recorded is None:
            cure = "add `recorded: {log: gateway.log}`"
            yield document.problem(("arrival",), "'recorded' needs a log to replay", cure=cure)
        if scenario.asks:
            yield document.problem(("asks",), "means nothing with arrival 'recorded'", cure="remove it")
    else:
        if scenario.recorded is not None:
            what = f"means nothing with arrival {scenario.arrival!r}"
            yield document.problem(("recorded",), what, cure="remove it, or set `arrival: recorded`")
        if not scenario.asks:
            yield document.problem(("asks",), "is missing", cure="add what is asked, such as `- {model: chat}`")
    if scenario.is_open and scenario.think_seconds:
        yield document.problem(("think_seconds",), f"means nothing with arrival {scenario.arrival!r}", cure="remove it")


def _faults(document: Located, scenario: Scenario) -> Iterator[Problem]:
    for index, fault in enumerate(scenario.faults):
        if fault.at + fault.seconds > scenario.seconds:
            yield document.problem(
                ("faults", index, "seconds"),
                f"ends after the run, which takes {scenario.seconds:g} seconds",
                was=f"{fault.seconds:g}",
                cure="make it shorter, or the stages longer",
            )
        for other in range(index):
            before = scenario.faults[other]
            if (
                before.provider == fault.provider
                and before.at < fault.at + fault.seconds
                and fault.at < before.at + before.seconds
            ):
                what = f"is within the fault at {before.at:g} of the same provider"
                yield document.problem(("faults", index, "at"), what, was=f"{fault.at:g}", cure="move it")
