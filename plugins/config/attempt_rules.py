"""Whether what a workload says of its attempts can ever happen: hedges, holding back, deadlines."""

from __future__ import annotations

from collections.abc import Iterator

from plugins.config.located import Place
from plugins.config.problem import Problem
from plugins.config.whole import Whole
from plugins.policy.commit import Atomic, Commit
from plugins.policy.deadlines import Deadlines
from plugins.policy.routing import resolve

_HEAD = ""


def hedges_can_happen(whole: Whole) -> Iterator[Problem]:
    for name, row in whole.policies.routing.workloads.items():
        if row.hedge_after_seconds is None:
            continue
        place: Place = ("workloads", name, "hedge_after_seconds")
        deadline = resolve(whole.policies.routing, name).deadlines.first_token_seconds
        if row.hedge_after_seconds >= deadline:
            what = f"is dead, the first token has no more than {deadline:g} s"
            yield whole.problem("routing", place, what, "make it less than first_token_seconds, or remove it")
        if len({target.called for model in row.models for target in whole.deployed.of(model)}) < 2:
            what = "is dead, there is no second target to start"
            yield whole.problem("routing", place, what, "add a deployment or a model, or remove it")
        if whole.policies.circuits.attempts.most < 2:
            what = "is dead, a request has one attempt in circuits.yaml"
            yield whole.problem("routing", place, what, "raise attempts.most there, or remove it")


def commits_say_one_thing(whole: Whole) -> Iterator[Problem]:
    for name, commit in _commits(whole).items():
        if commit.atomic is Atomic.ALWAYS and commit.hold_ms:
            place = _place(whole, name, "commit", "hold_ms", "atomic")
            what = f"hold_ms {commit.hold_ms:g} means nothing beside atomic always, which holds all of it back"
            yield whole.problem("routing", place, what, "set hold_ms: 0, or another atomic")


def deadlines_leave_room(whole: Whole) -> Iterator[Problem]:
    for name, deadlines in _deadlines(whole).items():
        if deadlines.request_seconds <= deadlines.first_token_seconds:
            place = _place(whole, name, "deadlines", "request_seconds", "first_token_seconds")
            what = (
                f"request_seconds {deadlines.request_seconds:g} leaves no time for a second attempt"
                f" after first_token_seconds {deadlines.first_token_seconds:g}"
            )
            yield whole.problem("routing", place, what, "make request_seconds the longer of the two")
        if deadlines.minimum_tokens_per_s and deadlines.pace_seconds >= deadlines.total_seconds:
            place = _place(whole, name, "deadlines", "pace_seconds", "total_seconds")
            what = (
                f"pace_seconds {deadlines.pace_seconds:g} is never over"
                f" within total_seconds {deadlines.total_seconds:g}"
            )
            yield whole.problem("routing", place, what, "make pace_seconds less, or set minimum_tokens_per_s: 0")


def _commits(whole: Whole) -> dict[str, Commit]:
    """Of the file, and of each workload that changes it."""
    routing = whole.policies.routing
    changed = [name for name, row in routing.workloads.items() if row.commit.model_fields_set]
    return {_HEAD: routing.commit} | {name: resolve(routing, name).commit for name in changed}


def _deadlines(whole: Whole) -> dict[str, Deadlines]:
    routing = whole.policies.routing
    changed = [name for name, row in routing.workloads.items() if row.deadlines.model_fields_set]
    return {_HEAD: routing.deadlines} | {name: resolve(routing, name).deadlines for name in changed}


def _place(whole: Whole, workload: str, section: str, *keys: str) -> Place:
    """The first of these keys that is written down there."""
    above: Place = ("workloads", workload, section) if workload else (section,)
    lines = whole.documents["routing"].lines
    return next(((*above, key) for key in keys if (*above, key) in lines), above)
