"""Nobody else's service is loaded by mistake, and nothing is spent that was not shown."""

from __future__ import annotations

import pytest

from loadtests.plan.consent import beyond, missing
from loadtests.plan.cost import Estimate, Price, estimate
from loadtests.plan.recorded import Request
from loadtests.plan.scenario import Ask, Bounds, Scenario, Stage


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_this_machine_may_be_loaded(host: str) -> None:
    assert missing([host], []) == []


def test_any_other_host_has_to_be_named_as_it_is() -> None:
    (sentence,) = missing(["gateway.example", "gateway.example"], ["example"])

    assert sentence.endswith("add --i-mean-it gateway.example")
    assert missing(["gateway.example"], ["gateway.example"]) == []
    assert len(missing(["localhost.example", "10.0.0.1"], [])) == 2


def scenario(**more: object) -> Scenario:
    asks = [Ask(model="chat", max_tokens=280), Ask(model="dear", weight=3, max_tokens=280)]
    settings = {"purpose": "x", "asks": asks, "stages": [Stage(name="one", seconds=10, rate=5)], "arrival": "constant"}
    return Scenario.model_validate({**settings, **more})


def test_a_run_is_priced_by_the_dearest_model_it_may_use() -> None:
    prices = {"chat": Price(1, 2), "dear": Price(3, 4)}
    guess = estimate(scenario(), [100, 200], [], prices)

    assert (guess.requests, guess.prompt_tokens, guess.completion_tokens) == (50, 8750, 14_000)
    assert guess.cost == pytest.approx((8750 * 3 + 14_000 * 4) / 1e6)
    assert estimate(scenario(), [100, 200], [], {}).cost is None


def test_a_closed_loop_is_priced_by_the_fastest_answers_there_are() -> None:
    closed = scenario(arrival="closed", stages=[Stage(name="one", seconds=10, users=4)])

    assert estimate(closed, [1, 1], [], {}).requests == round(40 / (0.2 + 280 / 3000))


def test_recorded_traffic_is_priced_by_what_it_was() -> None:
    replayed = [Request(0, "chat", 10, 20, True), Request(1, "chat", 30, 40, True)]
    found = Scenario.model_validate(
        {
            "purpose": "x",
            "arrival": "recorded",
            "recorded": {"log": "x"},
            "stages": [{"name": "one", "seconds": 1}],
        }
    )

    guess = estimate(found, [], replayed, {"chat": Price(1, 1)})
    assert (guess.requests, guess.tokens) == (2, 100)
    assert guess.cost == pytest.approx(0.0001)


def test_a_run_beyond_its_bounds_is_refused_with_the_bound_to_raise() -> None:
    found = beyond(Estimate(11, 50, 51, None), Bounds(max_requests=10, max_tokens=100))

    assert [sentence.split(", and ")[1] for sentence in found] == [
        "bounds.max_requests allows 10: make it shorter (`--seconds`), or raise the bound in the scenario's file",
        "bounds.max_tokens allows 100: make it shorter (`--seconds`), or raise the bound in the scenario's file",
    ]
    assert beyond(Estimate(10, 50, 50, None), Bounds(max_requests=10, max_tokens=100)) == []
