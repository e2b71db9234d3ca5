"""The body that LiteLLM is given: what the policies made of the client's."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from plugins.front import lane
from plugins.policy.engine import Decision
from plugins.policy.limits import DROPPED, droppable
from plugins.policy.routing import Lane
from plugins.policy.targets import Address
from tests.policy.cases import DEPLOYED, SHIPPED, ask, deployed, policies, target, workload

MESSAGES = [{"role": "user", "content": "hi"}]


def made_for_litellm(sent: dict[str, Any], decision: Decision) -> dict[str, Any]:
    return lane.for_litellm(lane.shaped(sent, decision, droppable(sent)), decision)


def for_litellm(model: str, **fields: Any) -> dict[str, Any]:
    sent = {"model": model, "messages": MESSAGES, "stream": True, **fields}
    before = deepcopy(sent)

    shaped = made_for_litellm(sent, ask(SHIPPED, DEPLOYED, model))

    assert before == sent, "the client's body was changed"
    return shaped


def test_a_model_is_passed_on_under_its_own_name() -> None:
    assert for_litellm("gpt-oss-120b", seed=7) == {
        "model": "gpt-oss-120b",
        "messages": MESSAGES,
        "stream": True,
        "seed": 7,
    }


def test_a_workload_becomes_its_models_with_its_defaults() -> None:
    assert for_litellm("voice") == {
        "model": "qwen-3.8-27b",
        "fallbacks": ["gpt-oss-120b"],
        "messages": MESSAGES,
        "stream": True,
        "reasoning_effort": "none",
    }


@pytest.mark.parametrize(
    ("sent", "shaped"),
    [
        ({}, {"reasoning_effort": "low", "max_completion_tokens": 512}),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "high", "max_completion_tokens": 512}),
        ({"reasoning_effort": None}, {"reasoning_effort": "low", "max_completion_tokens": 512}),
        ({"max_tokens": 5}, {"reasoning_effort": "low", "max_tokens": 5}),
        ({"max_completion_tokens": 5}, {"reasoning_effort": "low", "max_completion_tokens": 5}),
    ],
)
def test_a_default_yields_to_the_client(sent: dict[str, Any], shaped: dict[str, Any]) -> None:
    found = for_litellm("classify", **sent)

    names = ("reasoning_effort", "max_tokens", "max_completion_tokens")
    assert shaped == {name: found[name] for name in names if found.get(name) is not None}


def test_what_clients_send_of_their_own_accord_is_left_out() -> None:
    assert DROPPED.isdisjoint(for_litellm("gpt-oss-120b", **dict.fromkeys(DROPPED, "x")))


def test_a_replaced_model_is_asked_for_under_its_successors_name() -> None:
    under = policies(
        lifecycle={"retired": "replace"}, routing={"workloads": {"w": workload("retired", "own", "retired")}}
    )
    over = deployed(target("live"), target("own", "openai"))

    shaped = made_for_litellm({"model": "w", "messages": MESSAGES}, ask(under, over, "w"))

    assert (shaped["model"], shaped["fallbacks"]) == ("live", ["own"])


TWO = deployed(target("live"), target("live", "openai", order=2))
WAYS: dict[str, Address | str] = {name: Address("http://127.0.0.1:1") for name in TWO.by_deployment}


@pytest.mark.parametrize(
    ("rule", "ways", "only_litellm", "taken", "reason"),
    [
        ("express", WAYS, (), Lane.EXPRESS, "every target can be called directly"),
        ("litellm", WAYS, (), Lane.LITELLM, "routing.yaml says so"),
        ("express", WAYS, ("guardrails: pii",), Lane.LITELLM, "LiteLLM has more to do here (guardrails: pii)"),
        ("express", {}, (), Lane.LITELLM, "cerebras/live needs LiteLLM: it has no row of its own"),
        (
            "express",
            {**WAYS, "openai/live": "its row sets tpm"},
            (),
            Lane.LITELLM,
            "openai/live needs LiteLLM: its row sets tpm",
        ),
    ],
)
def test_the_lane_past_litellm_is_taken_only_where_every_target_and_the_operator_allow_it(
    rule: str, ways: dict[str, Address | str], only_litellm: tuple[str, ...], taken: Lane, reason: str
) -> None:
    decision = ask(policies(routing={"lane": rule}), TWO, "live")

    assert (taken, reason) == lane.choose(decision, ways, only_litellm)


def test_a_workloads_own_lane_goes_before_that_of_the_file() -> None:
    routing = {"lane": "express", "workloads": {"w": workload("live", lane="litellm")}}
    decision = ask(policies(routing=routing), TWO, "w")

    assert Lane.LITELLM is lane.choose(decision, WAYS, ())[0]


def test_a_key_is_not_shown_by_what_holds_it() -> None:
    assert "sk-secret" not in repr(Address("http://127.0.0.1:1", "sk-secret"))
