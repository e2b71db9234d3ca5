"""Lifecycle: every phase under every action, the headers to the letter, and the days on which things turn."""

from __future__ import annotations

from datetime import date, timedelta
from email.utils import parsedate_to_datetime

import pytest

from plugins.policy.catalog import Phase
from plugins.policy.lifecycle import Action, LifecycleFile, judge
from plugins.policy.settings import Waiver
from plugins.policy.verdict import Allow, Amend, Refuse, Verdict
from tests.policy.cases import SHIPPED, TODAY, ZOO, day

# One model of each phase: the settings that speak of it, and what a refusal of it is.
PHASES = [
    ("retired", "retired", 404, "model_retired", "live"),
    ("retired-twice-over", "retired", 404, "model_retired", "live"),
    ("retired-for-nothing", "retired", 404, "model_retired", None),
    ("fresh-notice", "deprecated.within_notice", 403, "model_blocked", "live"),
    ("old-notice", "deprecated.past_notice", 403, "model_blocked", "live"),
    ("preview", "preview", 403, "model_blocked", None),
    ("dedicated", "dedicated", 403, "model_blocked", None),
    ("gone-dedicated", "dedicated", 404, "model_retired", "live"),
    ("coming", "unknown", 404, "model_not_found", None),
    ("rumoured", "unknown", 404, "model_not_found", None),
    ("never-heard-of", "unknown", 404, "model_not_found", None),
]


def under(where: str, action: Action) -> LifecycleFile:
    outer, _, inner = where.partition(".")
    return LifecycleFile.model_validate({outer: {inner: action} if inner else action})


def zoo(name: str, settings: LifecycleFile, client: str = "anyone", today: date = TODAY) -> Verdict:
    return judge(settings, ZOO, name, client, today)


def shipped(name: str, today: str, client: str = "anyone") -> Verdict:
    return judge(SHIPPED.lifecycle, SHIPPED.catalog, name, client, day(today))


@pytest.mark.parametrize("action", Action)
def test_a_live_model_is_allowed_whatever_the_rules_for_others_are(action: Action) -> None:
    settings = LifecycleFile(retired=action, preview=action, dedicated=action, unknown=action)

    assert isinstance(zoo("live", settings), Allow)


@pytest.mark.parametrize(("name", "where", "status", "code", "successor"), PHASES)
def test_a_refused_model_says_by_which_rule_and_what_to_use_instead(
    name: str, where: str, status: int, code: str, successor: str | None
) -> None:
    verdict = zoo(name, under(where, Action.REFUSE))

    assert isinstance(verdict, Refuse)
    assert (f"lifecycle.{where}", status, code, successor) == (
        verdict.rule,
        verdict.status,
        verdict.code,
        verdict.successor,
    )
    assert repr(name) in verdict.reason
    assert (repr(successor) if successor else "live today: live") in verdict.cure


@pytest.mark.parametrize(("name", "where", "status", "code", "successor"), PHASES)
def test_a_model_to_be_replaced_becomes_its_live_successor_or_is_refused(
    name: str, where: str, status: int, code: str, successor: str | None
) -> None:
    verdict = zoo(name, under(where, Action.REPLACE))

    if successor:
        assert isinstance(verdict, Amend)
        assert successor == verdict.model
        assert f"</v1/models/{successor}>" in verdict.headers["Link"]
    else:
        assert isinstance(verdict, Refuse)
        assert (status, code) == (verdict.status, verdict.code)


@pytest.mark.parametrize(("name", "where", "status", "code", "successor"), PHASES)
def test_a_target_is_never_turned_into_another_one(
    name: str, where: str, status: int, code: str, successor: str | None
) -> None:
    verdict = judge(under(where, Action.REPLACE), ZOO, name, "anyone", TODAY, replaceable=False)

    assert isinstance(verdict, Refuse)
    assert (status, code, successor) == (verdict.status, verdict.code, verdict.successor)


@pytest.mark.parametrize(("name", "where", "status", "code", "successor"), PHASES)
def test_warn_serves_the_model_itself_and_allow_says_nothing(
    name: str, where: str, status: int, code: str, successor: str | None
) -> None:
    warned = zoo(name, under(where, Action.WARN))
    allowed = zoo(name, under(where, Action.ALLOW))

    assert isinstance(warned, Amend)
    assert warned.model is None
    assert isinstance(allowed, Allow)


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        (
            "fresh-notice",
            {
                "Deprecation": "@1794268800",
                "Sunset": "Mon, 01 Mar 2027 00:00:00 GMT",
                "Link": '</v1/models/live>; rel="successor-version"',
            },
        ),
        ("retired-for-nothing", {"Sunset": "Sun, 01 Mar 2026 00:00:00 GMT"}),
        ("preview", {}),
        ("never-heard-of", {}),
    ],
)
def test_a_warning_carries_exactly_the_headers_it_has_facts_for(name: str, headers: dict[str, str]) -> None:
    settings = LifecycleFile(retired=Action.WARN, preview=Action.WARN, unknown=Action.WARN)

    verdict = zoo(name, settings)

    assert isinstance(verdict, Amend)
    assert headers == dict(verdict.headers)


def test_llama_3_1_8b_was_served_with_the_vendors_dates_in_its_headers() -> None:
    verdict = shipped("llama3.1-8b", "2026-05-01")

    assert isinstance(verdict, Amend)
    assert dict(verdict.headers) == {
        "Deprecation": "@1776816000",
        "Sunset": "Wed, 27 May 2026 00:00:00 GMT",
        "Link": '</v1/models/gpt-oss-120b>; rel="successor-version"',
    }
    assert day("2026-05-27") == parsedate_to_datetime(verdict.headers["Sunset"]).date()


@pytest.mark.parametrize(
    ("today", "status", "code", "rule"),
    [
        ("2026-04-21", 200, None, "lifecycle.live"),
        ("2026-04-22", 200, None, "lifecycle.deprecated.within_notice"),
        ("2026-05-22", 200, None, "lifecycle.deprecated.within_notice"),
        ("2026-05-23", 403, "model_blocked", "lifecycle.deprecated.past_notice"),
        ("2026-05-26", 403, "model_blocked", "lifecycle.deprecated.past_notice"),
        ("2026-05-27", 404, "model_retired", "lifecycle.retired"),
        ("2026-11-20", 404, "model_retired", "lifecycle.retired"),
    ],
)
def test_the_notice_of_llama_3_1_8b_ran_out_day_by_day(today: str, status: int, code: str | None, rule: str) -> None:
    verdict = shipped("llama3.1-8b", today)

    assert rule == verdict.rule
    assert (status, code) == ((verdict.status, verdict.code) if isinstance(verdict, Refuse) else (200, None))
    if isinstance(verdict, Refuse):
        assert verdict.successor == "gpt-oss-120b"
        assert verdict.cure == "use 'gpt-oss-120b' instead"


def test_a_notice_of_no_days_refuses_from_the_day_after_it() -> None:
    settings = LifecycleFile.model_validate({"deprecated": {"notice_days": 0}})
    notice = day("2026-11-10")

    assert isinstance(zoo("fresh-notice", settings, today=notice), Amend)
    assert isinstance(zoo("fresh-notice", settings, today=notice + timedelta(days=1)), Refuse)


def test_a_model_that_is_not_out_yet_is_not_called_unknown() -> None:
    verdict = shipped("qwen-3.8-27b", "2026-09-02")

    assert isinstance(verdict, Refuse)
    assert verdict.reason == "'qwen-3.8-27b' is not public before 2026-09-03"
    assert isinstance(shipped("qwen-3.8-27b", "2026-09-03"), Allow)


def test_nobody_is_told_that_cerebras_named_no_successor_of_a_model_it_never_had() -> None:
    for name in ("llama3.1-405b", "gpt-5"):
        verdict = shipped(name, "2026-11-20")

        assert isinstance(verdict, Refuse)
        assert (
            verdict.message.replace(name, "...")
            == "'...' is not a known Cerebras model; live today: gpt-oss-120b, qwen-3.8-27b"
        )


@pytest.mark.parametrize("name", ["llama-3.1-8b", "llama3.1-8b"])
def test_a_model_is_known_by_every_way_people_write_it(name: str) -> None:
    verdict = shipped(name, "2026-11-20")

    assert isinstance(verdict, Refuse)
    assert verdict.reason == "'llama3.1-8b' was retired by Cerebras on 2026-05-27"


def test_the_successor_is_followed_through_replacements_that_are_gone_themselves() -> None:
    verdict = shipped("deepseek-r1-distill-llama-70b", "2026-11-20")  # named qwen-3-32b, which named gpt-oss-120b

    assert isinstance(verdict, Refuse)
    assert verdict.successor == "gpt-oss-120b"


def test_every_model_of_the_catalog_gets_a_verdict_on_every_day_it_changes() -> None:
    days = {TODAY}
    for row in SHIPPED.catalog.models.values():
        for known in (row.first_public, row.notice):
            days |= {known.day + timedelta(days=shift) for shift in (-1, 0, 1, 30, 31)} if known else set()
        days |= {row.retires + timedelta(days=shift) for shift in (-1, 0, 1)} if row.retires else set()

    for today in days:
        for name in SHIPPED.catalog.models:
            verdict = judge(SHIPPED.lifecycle, SHIPPED.catalog, name, "anyone", today)
            assert verdict.rule.startswith("lifecycle.")
            if isinstance(verdict, Refuse) and verdict.successor:
                again = judge(SHIPPED.lifecycle, SHIPPED.catalog, verdict.successor, "anyone", today)
                assert isinstance(again, Allow), f"{name} on {today} sends people to {verdict.successor}"


@pytest.mark.parametrize("action", [Action.REFUSE, Action.REPLACE])
@pytest.mark.parametrize(
    ("client", "today", "served"),
    [
        ("research", "2026-12-01", True),
        ("research", "2026-12-02", False),
        ("somebody-else", "2026-12-01", False),
    ],
)
def test_an_exception_serves_its_client_through_its_last_day(
    action: Action, client: str, today: str, served: bool
) -> None:
    waiver = Waiver(client="research", models=["retired"], until=day("2026-12-01"), reason="the last figures")
    settings = LifecycleFile(retired=action, exceptions=[waiver])

    verdict = zoo("retired", settings, client, day(today))

    excepted = isinstance(verdict, Amend) and verdict.model is None
    assert served == excepted
    if excepted:
        assert verdict.rule == "lifecycle.exception"
        assert "the last figures" in verdict.reason


def test_an_exception_holds_for_the_models_it_names_only() -> None:
    waiver = Waiver(client="research", models=["retired"], until=day("2026-12-01"), reason="x")

    assert isinstance(zoo("retired-for-nothing", LifecycleFile(exceptions=[waiver]), "research"), Refuse)


def test_an_exception_may_name_the_workload_or_public_name_instead_of_the_model_behind_it() -> None:
    waiver = Waiver(client="research", models=["archive"], until=day("2026-12-01"), reason="x")
    settings = LifecycleFile(exceptions=[waiver])

    assert isinstance(judge(settings, ZOO, "retired", "research", TODAY, asked_as=("archive",)), Amend)
    assert isinstance(judge(settings, ZOO, "retired", "research", TODAY, asked_as=("other",)), Refuse)


def test_every_phase_but_live_has_a_case_above() -> None:
    from plugins.policy.catalog import phase_on  # noqa: PLC0415

    met = {phase_on(ZOO.models[name], TODAY) if name in ZOO.models else Phase.UNKNOWN for name, *_ in PHASES}

    assert set(Phase) - {Phase.LIVE} == met
