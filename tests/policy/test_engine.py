"""The policies together: what a name resolves to, and what can never be reached whatever the name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.policy.access import MASTER_CLIENT, Client
from plugins.policy.engine import judge_target, public_names, servable
from plugins.policy.targets import Deployed
from plugins.policy.verdict import Refuse, StreamMode
from tests.policy.cases import (
    DEPLOYED,
    SHIPPED,
    TODAY,
    ZOO,
    ask,
    day,
    deployed,
    policies,
    served_by,
    shipped_targets,
    target,
    workload,
)

# ---- the shipped configuration ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-oss-120b", ["cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"]),
        ("qwen-3.8-27b", ["cerebras/qwen-3.8-27b", "fallback/qwen-3.8-27b"]),
        (
            "voice",
            ["cerebras/qwen-3.8-27b", "fallback/qwen-3.8-27b", "cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"],
        ),
        ("classify", ["cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"]),
    ],
)
def test_a_shipped_name_is_served_by_its_targets_in_order(asked: str, served: list[str]) -> None:
    decision = ask(SHIPPED, DEPLOYED, asked)

    assert served == served_by(decision)
    assert decision.refusal is None
    assert decision.headers == {}


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("llama3.1-8b", 404, "model_retired"),
        ("llama-3.1-8b", 404, "model_retired"),
        ("zai-glm-4.7", 404, "model_retired"),
        ("gemma-4-31b", 404, "model_retired"),
        ("kimi-k3", 403, "model_blocked"),
        ("llama3.1-405b", 404, "model_not_found"),
        ("gpt-4o", 404, "model_not_found"),
        ("cerebras/gpt-oss-120b", 404, "model_not_found"),
        ("fallback/gpt-oss-120b", 404, "model_not_found"),
        ("openai/gpt-oss-120b", 404, "model_not_found"),
        ("cerebras/llama3.1-8b", 404, "model_not_found"),
        ("fastest_response", 404, "model_not_found"),
        ("*", 404, "model_not_found"),
        ("cerebras/*", 404, "model_not_found"),
        ("GPT-OSS-120B", 404, "model_not_found"),
        ("gpt-oss-120\u044c", 404, "model_not_found"),
        ("gpt-oss-120b ", 404, "model_not_found"),
        ("gpt-oss-120b,qwen-3.8-27b", 404, "model_not_found"),
        ("", 404, "model_not_found"),
    ],
)
def test_any_other_name_is_refused_with_no_target_at_all(asked: str, status: int, code: str) -> None:
    decision = ask(SHIPPED, DEPLOYED, asked)

    assert decision.refusal is not None
    assert (status, code, ()) == (decision.refusal.status, decision.refusal.code, decision.targets)
    assert decision.target("cerebras/gpt-oss-120b") is None


@pytest.mark.parametrize("deployment", sorted(DEPLOYED.by_deployment))
def test_a_deployment_id_is_not_a_model(deployment: str) -> None:
    assert ask(SHIPPED, DEPLOYED, deployment).refusal is not None


@pytest.mark.parametrize(
    ("asked", "cure"),
    [
        ("gpt-oss-120", "did you mean 'gpt-oss-120b'?"),
        ("GPT-OSS-120B", "did you mean 'gpt-oss-120b'?"),
        ("qwen-3.8", "did you mean 'qwen-3.8-27b'?"),
        ("gpt-5", "served: chat, classify, gpt-oss-120b, long-context, qwen-3.8-27b, reasoning, voice"),
    ],
)
def test_a_name_nobody_declared_gets_the_likely_one_or_all(asked: str, cure: str) -> None:
    decision = ask(SHIPPED, DEPLOYED, asked)

    assert decision.refusal is not None
    assert cure == decision.refusal.cure


def test_a_client_is_not_told_of_names_it_may_not_use() -> None:
    decision = ask(SHIPPED, DEPLOYED, "gpt-5", client=Client("app", frozenset({"chat"})))

    assert decision.refusal is not None
    assert decision.refusal.cure == "served: chat"


def test_without_keys_every_target_says_what_it_needs() -> None:
    decision = ask(SHIPPED, shipped_targets({}), "gpt-oss-120b")

    assert decision.refusal is not None
    assert (decision.refusal.status, decision.refusal.code) == (503, "target_not_configured")
    assert "set CEREBRAS_API_KEY" in decision.refusal.cure


def test_without_a_fallback_provider_cerebras_serves_alone() -> None:
    only = shipped_targets({"CEREBRAS_API_KEY": "k"})

    assert served_by(ask(SHIPPED, only, "voice")) == ["cerebras/qwen-3.8-27b", "cerebras/gpt-oss-120b"]


# ---- rules that need a configuration of their own -----------------------------------------------------------------


def test_a_retired_name_is_never_served_even_where_another_provider_would() -> None:
    over = deployed(target("retired"), target("retired", "openai"))

    decision = ask(policies(), over, "retired")

    assert decision.refusal is not None
    assert (decision.refusal.code, decision.refusal.successor) == ("model_retired", "live")
    assert decision.targets == ()


def test_under_a_name_of_our_own_another_provider_goes_on_when_the_cerebras_model_is_retired() -> None:
    over = deployed(target("fast", upstream="retired"), target("fast", "openai", upstream="retired", order=2))

    decision = ask(policies(), over, "fast")

    assert served_by(decision) == ["openai/fast"]
    assert [step.verdict.rule for step in decision.steps if step.policy == "lifecycle"] == [
        "lifecycle.retired",
        "lifecycle.elsewhere",
    ]


def test_under_a_name_of_our_own_with_nothing_else_behind_it_a_retired_model_is_refused() -> None:
    decision = ask(policies(), deployed(target("fast", upstream="retired")), "fast")

    assert decision.refusal is not None
    assert (decision.refusal.code, decision.refusal.cure) == ("model_retired", "use 'live' instead")


@pytest.mark.parametrize(
    ("upstream", "rules", "code"),
    [
        ("retired", {"retired": "replace"}, "model_retired"),
        ("fresh-notice", {"deprecated": {"within_notice": "replace"}}, "model_blocked"),
        ("preview", {"preview": "replace"}, "model_blocked"),
    ],
)
def test_a_target_that_may_only_be_replaced_is_refused_under_the_right_code(
    upstream: str, rules: dict[str, Any], code: str
) -> None:
    over = deployed(target("fast", upstream=upstream), target("live"))

    decision = ask(policies(lifecycle=rules), over, "fast")

    assert decision.refusal is not None
    assert code == decision.refusal.code


def test_a_workload_whose_first_model_is_retired_goes_on_to_the_second() -> None:
    under = policies(routing={"workloads": {"w": workload("retired", "live")}})

    decision = ask(under, deployed(target("retired"), target("live")), "w")

    assert decision.refusal is None
    assert served_by(decision) == ["cerebras/live"]
    assert (decision.route.workload, decision.models) == ("w", ("live",))
    assert any(isinstance(step.verdict, Refuse) and step.subject == "retired" for step in decision.steps)


def test_a_workload_goes_on_past_a_model_that_is_not_declared_or_not_configured() -> None:
    under = policies(routing={"workloads": {"w": workload("nowhere", "own", "live")}})

    decision = ask(under, deployed(target("own", "openai", missing=("URL",)), target("live")), "w")

    assert served_by(decision) == ["cerebras/live"]
    assert decision.refusal is None


def test_a_workload_with_no_model_left_is_refused_for_its_first() -> None:
    under = policies(routing={"workloads": {"w": workload("retired", "preview")}})

    decision = ask(under, deployed(target("retired"), target("preview")), "w")

    assert decision.refusal is not None
    assert decision.refusal.rule == "lifecycle.retired"


def test_an_alias_of_a_retired_model_does_not_hide_it() -> None:
    catalog = ZOO.model_copy(
        update={"models": {**ZOO.models, "retired": ZOO.models["retired"].model_copy(update={"also_written": ["old"]})}}
    )

    decision = ask(policies(catalog), deployed(target("old", "openai"), target("x", upstream="old")), "old")
    behind = ask(policies(catalog), deployed(target("x", upstream="old")), "x")

    assert decision.refusal is not None
    assert decision.refusal.code == "model_retired"
    assert behind.refusal is not None


def test_replace_serves_the_live_successor_through_as_many_replacements_as_it_takes() -> None:
    under = policies(lifecycle={"retired": "replace"})

    decision = ask(under, deployed(target("live"), target("live", "openai", order=2)), "retired-twice-over")

    assert served_by(decision) == ["cerebras/live", "openai/live"]
    assert decision.headers["Link"] == '</v1/models/live>; rel="successor-version"'


def test_replace_by_a_successor_nobody_deployed_is_refused() -> None:
    decision = ask(policies(lifecycle={"retired": "replace"}), deployed(target("other")), "retired")

    assert decision.refusal is not None
    assert (decision.refusal.code, decision.refusal.reason) == ("model_not_found", "'live' is not served here")


def test_the_headers_speak_of_the_model_that_serves_and_not_of_those_behind_it() -> None:
    over = deployed(target("live"), target("fresh-notice"), target("own", upstream="live", deployment="a"))
    under = policies(
        routing={"workloads": {"w": workload("live", "fresh-notice"), "v": workload("fresh-notice", "live")}}
    )

    assert ask(under, over, "w").headers == {}
    assert "Deprecation" in ask(under, over, "v").headers
    assert "Sunset" in ask(under, over, "fresh-notice").headers
    assert ask(under, over, "own").headers == {}


def test_the_headers_warn_of_a_model_hidden_under_a_name_of_our_own() -> None:
    first = deployed(target("fast", upstream="fresh-notice"))
    second = deployed(target("fast", "openai"), target("fast", upstream="fresh-notice", order=2))
    unready = deployed(target("fast", upstream="fresh-notice", missing=("KEY",)), target("fast", "openai", order=2))

    assert "Deprecation" in ask(policies(), first, "fast").headers
    assert ask(policies(), second, "fast").headers == {}
    assert ask(policies(), unready, "fast").headers == {}


def test_a_refused_request_has_no_headers_of_a_model_it_did_not_get() -> None:
    under = policies(streaming={"default": "require"})

    decision = ask(under, deployed(target("fresh-notice")), "fresh-notice", stream=False)

    assert decision.refusal is not None
    assert (decision.refusal.code, decision.headers) == ("streaming_required", {})


def test_targets_come_by_order_and_within_an_order_as_written() -> None:
    over = deployed(
        target("fast", "openai", deployment="third", order=3),
        target("fast", "openai", deployment="first"),
        target("fast", "openai", deployment="second", order=2),
        target("fast", "openai", deployment="also-first"),
    )

    assert served_by(ask(policies(), over, "fast")) == ["first", "also-first", "second", "third"]


def test_a_target_without_its_key_is_left_out() -> None:
    over = deployed(target("live", missing=("CEREBRAS_API_KEY",)), target("live", "openai", order=2))

    decision = ask(policies(), over, "live")

    assert served_by(decision) == ["openai/live"]
    assert "routing.not_ready" in [step.verdict.rule for step in decision.steps]


def test_a_model_in_two_places_of_a_workload_is_called_once() -> None:
    under = policies(routing={"workloads": {"w": workload("live", "live")}})

    assert served_by(ask(under, deployed(target("live")), "w")) == ["cerebras/live"]


def test_a_client_without_the_right_is_refused_whatever_could_serve() -> None:
    decision = ask(policies(), deployed(target("live")), "live", client=Client("app", frozenset({"other"})))

    assert decision.refusal is not None
    assert (decision.refusal.status, decision.refusal.code, decision.targets) == (403, "model_not_allowed", ())


def test_that_a_model_is_gone_matters_more_than_that_it_was_not_the_clients() -> None:
    decision = ask(policies(), deployed(target("retired")), "retired", client=Client("app", frozenset({"other"})))

    assert decision.refusal is not None
    assert decision.refusal.code == "model_retired"
    assert [step.verdict.rule for step in decision.steps if isinstance(step.verdict, Refuse)] == [
        "access.models",
        "lifecycle.retired",
    ]


def test_the_right_to_a_workload_is_no_right_to_its_models_by_name() -> None:
    under = policies(routing={"workloads": {"w": workload("live")}})
    client = Client("app", frozenset({"w"}))

    assert ask(under, deployed(target("live")), "w", client=client).refusal is None
    assert ask(under, deployed(target("live")), "live", client=client).refusal is not None


def test_an_exception_of_the_lifecycle_reaches_the_model_under_each_of_its_names() -> None:
    over = deployed(target("fast", upstream="retired"))
    for named in ("retired", "fast", "w"):
        waiver = {"client": "app", "models": [named], "until": "2026-12-01", "reason": "x"}
        under = policies(lifecycle={"exceptions": [waiver]}, routing={"workloads": {"w": workload("fast")}})
        client = Client("app", frozenset({"*"}))

        assert served_by(ask(under, over, "w", client=client)) == ["cerebras/fast"], named
        assert ask(under, over, "w", client=client, today=day("2026-12-02")).refusal is not None
        assert ask(under, over, "w").refusal is not None, "the exception is the client's alone"


def test_an_unstreamed_request_is_upgraded_unless_a_model_behind_it_forbids_it() -> None:
    over = deployed(target("live"), target("own", "openai"))
    routing = {"workloads": {"w": workload("live", "own")}}

    upgraded = ask(policies(routing=routing), over, "w", stream=False)
    refused = ask(policies(routing=routing, streaming={"models": {"own": "require"}}), over, "w", stream=False)

    assert StreamMode.UPGRADE is upgraded.stream_mode
    assert refused.refusal is not None
    assert refused.refusal.code == "streaming_required"


# ---- whatever is asked, under whatever rules ----------------------------------------------------------------------

NAMES = [*ZOO.models, "own", "w", "v", "never-heard-of", "cerebras/live", "live,own", " live", "LIVE", ""]
ACTIONS = st.sampled_from(["refuse", "replace", "warn", "allow"])
CLIENTS = [MASTER_CLIENT, Client("app", frozenset({"live", "w"})), Client("all", frozenset({"*"}))]

lifecycles = st.fixed_dictionaries(
    dict.fromkeys(("retired", "preview", "dedicated", "unknown"), ACTIONS),
    optional={
        "deprecated": st.fixed_dictionaries(
            {"notice_days": st.integers(0, 40), "within_notice": ACTIONS, "past_notice": ACTIONS}
        ),
        "exceptions": st.just([{"client": "app", "models": ["retired", "w"], "until": "2026-11-25", "reason": "x"}]),
    },
)
streamings = st.fixed_dictionaries({"default": st.sampled_from(["require", "upgrade", "allow"])})
routings = st.lists(st.sampled_from([*ZOO.models, "own"]), min_size=1, max_size=3).map(
    lambda models: {"workloads": {"w": workload(*models)}}
)
targets = st.builds(
    target,
    st.sampled_from([*ZOO.models, "own"]),
    st.sampled_from(["cerebras", "openai"]),
    st.sampled_from([None, *ZOO.models]),
    deployment=st.integers(0, 99).map(str),
    order=st.integers(1, 3),
    missing=st.sampled_from([(), (), ("KEY",)]),
)
worlds = st.lists(targets, max_size=6, unique_by=lambda each: each.deployment).map(Deployed)
days = st.dates(date(2026, 1, 1), date(2027, 6, 1))


@settings(max_examples=300, deadline=None)
@given(
    lifecycles,
    streamings,
    routings,
    worlds,
    st.sampled_from(NAMES) | st.text(max_size=20),
    st.booleans(),
    st.sampled_from(CLIENTS),
    days,
)
def test_no_request_ever_reaches_a_target_that_policy_refuses(
    lifecycle: dict[str, Any],
    streaming: dict[str, Any],
    routing: dict[str, Any],
    over: Deployed,
    asked: str,
    stream: bool,
    client: Client,
    today: date,
) -> None:
    under = policies(lifecycle=lifecycle, streaming=streaming, routing=routing)

    decision = ask(under, over, asked, stream=stream, client=client, today=today)

    assert (decision.refusal is None) == bool(decision.targets)
    assert decision == ask(under, over, asked, stream=stream, client=client, today=today)
    for each in decision.targets:
        assert each.ready
        assert each is over.by_deployment[each.deployment]
        assert not isinstance(judge_target(under, decision.ask, each), Refuse)
    for deployment in over.by_deployment:
        assert (decision.target(deployment) is not None) == (deployment in served_by(decision))


@settings(max_examples=100, deadline=None)
@given(lifecycles, routings, worlds, st.sampled_from(CLIENTS), days)
def test_the_names_that_are_listed_are_those_that_are_served(
    lifecycle: dict[str, Any], routing: dict[str, Any], over: Deployed, client: Client, today: date
) -> None:
    under = policies(lifecycle=lifecycle, routing=routing)

    listed = servable(under, over, client, today)

    assert len(set(listed)) == len(listed)
    assert set(listed) == {
        name for name in public_names(under, over) if ask(under, over, name, client=client, today=today).targets
    }


@given(st.text(max_size=30))
def test_no_name_beyond_the_declared_ones_is_served_by_the_shipped_configuration(asked: str) -> None:
    decision = ask(SHIPPED, DEPLOYED, asked)

    assert (asked in public_names(SHIPPED, DEPLOYED)) == (decision.refusal is None)


def test_deciding_costs_next_to_nothing() -> None:
    """Not a measurement, but a decision that began to read files or walk the catalog would be found out."""
    import timeit  # noqa: PLC0415

    seconds = min(timeit.repeat(lambda: ask(SHIPPED, DEPLOYED, "chat", today=TODAY), number=100, repeat=5)) / 100

    assert seconds < 0.001
