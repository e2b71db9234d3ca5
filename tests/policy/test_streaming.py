"""Streaming: of all rules that apply, the strictest."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from plugins.policy.streaming import StreamingFile, StreamRule, decide
from plugins.policy.verdict import Allow, Amend, Refuse, StreamMode, Verdict
from tests.policy.cases import SHIPPED, TODAY, day

ORDER = [StreamRule.ALLOW, StreamRule.UPGRADE, StreamRule.REQUIRE]


def verdict_on(settings: StreamingFile, **facts: Any) -> Verdict:
    told = {"stream": False, "asked": "w", "workload": "w", "models": ["m"], "client": "app", "today": TODAY}
    return decide(settings, **{**told, **facts})


def rule_of(verdict: Verdict) -> StreamRule:
    if isinstance(verdict, Refuse):
        return StreamRule.REQUIRE
    return StreamRule.UPGRADE if isinstance(verdict, Amend) else StreamRule.ALLOW


@pytest.mark.parametrize("default", StreamRule)
def test_whoever_streams_is_allowed_under_every_rule(default: StreamRule) -> None:
    assert isinstance(verdict_on(StreamingFile(default=default), stream=True), Allow)


@pytest.mark.parametrize(("workload", "model"), list(product(ORDER, ORDER)))
def test_of_a_workloads_and_a_models_rule_the_stricter_holds(workload: StreamRule, model: StreamRule) -> None:
    settings = StreamingFile(workloads={"w": workload}, models={"m": model})

    assert max(workload, model, key=ORDER.index) is rule_of(verdict_on(settings))


@pytest.mark.parametrize("default", StreamRule)
def test_the_default_holds_only_where_no_rule_does(default: StreamRule) -> None:
    settings = StreamingFile(default=default, workloads={"w": StreamRule.ALLOW})

    assert StreamRule.ALLOW is rule_of(verdict_on(settings))
    assert default is rule_of(verdict_on(settings, workload=None, asked="m"))


@pytest.mark.parametrize(("first", "second"), list(product(ORDER, ORDER)))
def test_a_fallback_streams_no_less_than_its_own_rule_says(first: StreamRule, second: StreamRule) -> None:
    settings = StreamingFile(models={"m": first, "n": second})

    assert max(first, second, key=ORDER.index) is rule_of(verdict_on(settings, models=["m", "n"]))


def test_a_model_without_a_rule_keeps_the_default_beside_one_that_is_excused() -> None:
    settings = StreamingFile(default=StreamRule.REQUIRE, models={"n": StreamRule.ALLOW})

    assert StreamRule.REQUIRE is rule_of(verdict_on(settings, workload=None, models=["m", "n"]))


def test_a_refusal_says_what_to_set() -> None:
    verdict = verdict_on(StreamingFile(workloads={"w": StreamRule.REQUIRE}))

    assert isinstance(verdict, Refuse)
    assert (
        verdict.rule,
        verdict.status,
        verdict.code,
        verdict.param,
    ) == ("streaming.workloads.w", 400, "streaming_required", "stream")
    assert verdict.cure == 'set "stream": true in the request'


@pytest.mark.parametrize(
    ("facts", "excused"),
    [
        ({}, True),
        ({"today": day("2026-12-01")}, True),
        ({"today": day("2026-12-02")}, False),
        ({"client": "other"}, False),
        ({"asked": "v", "workload": "v"}, False),
    ],
)
def test_an_exception_upgrades_for_its_client_through_its_last_day(facts: dict[str, Any], excused: bool) -> None:
    settings = StreamingFile.model_validate(
        {
            "default": "require",
            "exceptions": [{"client": "app", "models": ["w"], "until": "2026-12-01", "reason": "an old SDK"}],
        }
    )

    verdict = verdict_on(settings, **facts)

    assert excused == isinstance(verdict, Amend)
    if isinstance(verdict, Amend):
        assert (verdict.rule, verdict.stream) == ("streaming.exception", StreamMode.UPGRADE)
        assert "an old SDK" in verdict.reason


@pytest.mark.parametrize(
    ("workload", "rule"),
    [
        ("voice", StreamRule.REQUIRE),
        ("chat", StreamRule.REQUIRE),
        ("reasoning", StreamRule.UPGRADE),
        ("classify", StreamRule.UPGRADE),
        (None, StreamRule.UPGRADE),
    ],
)
def test_the_shipped_rules_make_those_stream_for_whom_somebody_waits(workload: str | None, rule: StreamRule) -> None:
    facts = {"asked": workload or "gpt-oss-120b", "workload": workload, "models": ["gpt-oss-120b"]}

    assert rule is rule_of(verdict_on(SHIPPED.streaming, **facts))
