"""Routing: a workload's models and what it changes; everything else is a model asked for by name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from plugins.policy.commit import Atomic, Commit
from plugins.policy.deadlines import Deadlines
from plugins.policy.routing import Lane, RoutingFile, resolve
from tests.policy.cases import SHIPPED, workload

ROUTING = RoutingFile.model_validate(
    {
        "lane": "litellm",
        "merge_window_ms": 20,
        "deadlines": {"first_token_seconds": 4, "stall_seconds": 6},
        "workloads": {
            "plain": workload("a", "b"),
            "changed": workload(
                "a",
                lane="litellm",
                merge_window_ms=0,
                deadlines={"first_token_seconds": 1},
                parameters={"reasoning_effort": "low", "temperature": 0},
            ),
        },
    }
)


def test_a_workload_has_its_models_in_order_and_the_files_figures() -> None:
    route = resolve(ROUTING, "plain")

    assert (route.workload, route.models, route.lane, route.merge_window) == ("plain", ("a", "b"), Lane.LITELLM, 0.02)
    assert ROUTING.deadlines == route.deadlines
    assert route.parameters == {}


def test_a_workload_overrides_only_what_it_names_and_nothing_can_be_switched_off_by_absence() -> None:
    route = resolve(ROUTING, "changed")

    assert route.merge_window == 0
    assert Deadlines(first_token_seconds=1, stall_seconds=6) == route.deadlines
    assert route.parameters == {"reasoning_effort": "low", "temperature": 0}


def test_a_commit_is_changed_like_the_deadlines_and_a_hedge_is_off_unless_it_is_named() -> None:
    changes = {"commit": {"atomic": "short"}, "hedge_after_seconds": 0.5}
    routing = RoutingFile.model_validate(
        {"commit": {"hold_ms": 20, "atomic_most_tokens": 64}, "workloads": {"hedged": workload("a", "b", **changes)}}
    )

    route = resolve(routing, "hedged")
    plain = resolve(routing, "a")

    assert route.commit == Commit(hold_ms=20, atomic="short", atomic_most_tokens=64)
    assert (route.hedge_after, plain.hedge_after, plain.commit) == (
        0.5,
        None,
        Commit(hold_ms=20, atomic_most_tokens=64),
    )


@pytest.mark.parametrize(
    ("atomic", "most_tokens", "whole"),
    [
        ("never", 1, False),
        ("short", 64, True),
        ("short", 65, False),
        ("short", None, False),
        ("always", 65, True),
        ("always", None, True),
    ],
)
def test_an_answer_is_read_whole_where_its_limit_says_that_it_is_short(
    atomic: Atomic, most_tokens: int | None, whole: bool
) -> None:
    assert Commit(atomic=atomic, atomic_most_tokens=64).reads_whole(most_tokens) is whole


@pytest.mark.parametrize(
    ("streams", "per_stream_ms", "window_ms"),
    [(1, 4, 20), (5, 4, 20), (6, 4, 24), (32, 4, 128), (10_000, 4, 250), (32, 0, 20)],
)
def test_through_litellm_the_window_grows_with_the_streams_that_share_it(
    streams: int, per_stream_ms: float, window_ms: float
) -> None:
    routing = ROUTING.model_copy(update={"litellm_window_ms_per_stream": per_stream_ms})

    for asked in ("plain", "a model by its name"):
        assert resolve(routing, asked).litellm_window(streams) == pytest.approx(window_ms / 1000)


def test_where_nothing_is_merged_no_crowd_makes_it_so() -> None:
    assert resolve(ROUTING, "changed").litellm_window(32) == 0


@pytest.mark.parametrize("asked", ["a", "unheard-of", "PLAIN", "plain ", ""])
def test_any_other_name_stands_for_itself(asked: str) -> None:
    route = resolve(ROUTING, asked)

    assert (None, (asked,), {}) == (route.workload, route.models, route.parameters)


def test_every_shipped_workload_resolves_to_deadlines_that_fit_into_each_other() -> None:
    for name in SHIPPED.routing.workloads:
        deadlines = resolve(SHIPPED.routing, name).deadlines

        assert deadlines.connect_seconds <= deadlines.first_token_seconds <= deadlines.total_seconds


@pytest.mark.parametrize(
    "mistake",
    [
        {"merge_window": 5},
        {"merge_window_ms": -1},
        {"lane": "express-ish"},
        {"deadlines": {"first_token_seconds": 0}},
        {"workloads": {"w": {"purpose": "x", "models": []}}},
        {"workloads": {"w": workload("a", parameters={"reasoning_effort": "extreme"})}},
        {"workloads": {"bad name": workload("a")}},
    ],
)
def test_a_mistake_in_the_file_is_not_read_as_something_else(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RoutingFile.model_validate(mistake)
