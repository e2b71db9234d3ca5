from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from plugins.policy.catalog import (
    Catalog,
    Known,
    Phase,
    Row,
    Stage,
    days_left,
    find,
    leaving_within,
    live_models,
    phase_on,
    public_on,
    successor_on,
)

MODELS_YAML = Path(__file__).parents[2] / "policies" / "models.yaml"
SHIPPED = Catalog.model_validate(yaml.safe_load(MODELS_YAML.read_text(encoding="utf-8")))

SOME_DAY = "2026-11-20"
INSTRUCT = "qwen-3-235b-a22b-instruct-2507"
THINKING = "qwen-3-235b-a22b-thinking-2507"
SCOUT = "llama-4-scout-17b-16e-instruct"
MAVERICK = "llama-4-maverick-17b-128e-instruct"
DEEPSEEK = "deepseek-r1-distill-llama-70b"


def day(text: str) -> date:
    return date.fromisoformat(text)


def row(**facts: Any) -> Row:
    return Row.model_validate({"stage": "production", "mark": "confirmed", "verified_on": SOME_DAY, **facts})


def catalog(**rows: Row) -> Catalog:
    return Catalog(verified_on=day(SOME_DAY), provider="cerebras", models=rows)


# ---- what policies/models.yaml says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "retires", "replacements"),
    [
        ("gpt-oss-120b", None, []),
        ("qwen-3.8-27b", None, []),
        ("gemma-4-31b", "2026-09-03", ["qwen-3.8-27b"]),
        ("zai-glm-4.7", "2026-08-17", []),
        ("llama3.1-8b", "2026-05-27", ["gpt-oss-120b"]),
        (INSTRUCT, "2026-05-27", ["gpt-oss-120b"]),
        ("qwen-3-32b", "2026-02-16", ["gpt-oss-120b"]),
        ("llama-3.3-70b", "2026-02-16", ["gpt-oss-120b"]),
        ("zai-glm-4.6", "2026-01-20", ["zai-glm-4.7"]),
        (THINKING, "2025-11-14", ["gpt-oss-120b"]),
        ("qwen-3-coder-480b", "2025-11-05", ["zai-glm-4.7"]),
        (SCOUT, "2025-11-03", ["gpt-oss-120b", "llama-3.3-70b"]),
        (MAVERICK, "2025-10-15", ["gpt-oss-120b", "llama-3.3-70b"]),
        (DEEPSEEK, "2025-08-12", ["qwen-3-32b"]),
        ("qwen-3-235b-a22b", "2025-07-29", [INSTRUCT, THINKING]),
        ("llama3.1-70b", "2025-01-17", ["llama-3.3-70b"]),
        ("llama3.1-405b", None, []),
        ("kimi-k2.6", None, []),
        ("kimi-k3", None, []),
        ("zai-glm-5.3", None, []),
    ],
)
def test_every_known_model_has_its_row_with_the_vendors_date_and_replacement(
    name: str, retires: str | None, replacements: list[str]
) -> None:
    held = SHIPPED.models[name]

    assert (day(retires) if retires else None) == held.retires
    assert replacements == held.replacements


def test_the_catalog_holds_no_model_beyond_the_twenty_known_ones() -> None:
    assert len(SHIPPED.models) == 20


def test_exactly_two_models_are_live_today() -> None:
    assert live_models(SHIPPED, day("2026-11-20")) == ["gpt-oss-120b", "qwen-3.8-27b"]


GPT, GEMMA, QWEN, GLM = "gpt-oss-120b", "gemma-4-31b", "qwen-3.8-27b", "zai-glm-4.7"


@pytest.mark.parametrize(
    ("on", "served"),
    [
        (
            "2025-11-09",
            {"llama3.1-8b", "llama-3.3-70b", "qwen-3-32b", INSTRUCT, THINKING, GPT, "zai-glm-4.6"},
        ),
        ("2026-02-17", {"llama3.1-8b", GPT, INSTRUCT, GLM}),
        ("2026-05-28", {GPT, GLM}),
        ("2026-07-22", {GPT, GEMMA, GLM}),
        ("2026-08-15", {GPT, GEMMA, GLM}),
        ("2026-08-22", {GPT, GEMMA}),
        ("2026-08-27", {GPT, GEMMA}),
        ("2026-09-03", {GPT, GEMMA, QWEN}),
        ("2026-10-09", {GPT, QWEN}),
        ("2026-11-12", {GPT, QWEN}),
    ],
)
def test_the_public_set_matches_what_was_seen_that_day(on: str, served: set[str]) -> None:
    assert served == public_on(SHIPPED, day(on))


@pytest.mark.parametrize(
    ("name", "on", "successor"),
    [
        ("llama-3.3-70b", "2026-11-20", GPT),
        (DEEPSEEK, "2025-11-20", "qwen-3-32b"),
        (DEEPSEEK, "2026-02-05", "qwen-3-32b"),
        (DEEPSEEK, "2026-02-06", GPT),  # notice given to qwen-3-32b: look past it already
        (DEEPSEEK, "2026-11-20", GPT),
        ("qwen-3-coder-480b", "2026-03-01", None),  # zai-glm-4.7 is a preview
        ("qwen-3-coder-480b", "2026-11-20", None),  # zai-glm-4.7 has gone, none named
        ("zai-glm-4.6", "2026-11-20", None),
        (GLM, "2026-11-20", None),
        (GEMMA, "2026-09-02", None),  # its replacement was released the day it went
        (GEMMA, "2026-09-03", QWEN),
        (GEMMA, "2026-11-20", QWEN),
        ("llama3.1-70b", "2025-01-17", "llama-3.3-70b"),
        ("llama3.1-70b", "2026-11-20", GPT),
        ("llama-3.1-70b", "2026-11-20", GPT),  # by its other name
        ("qwen-3-235b-a22b", "2025-09-01", INSTRUCT),
        ("qwen-3-235b-a22b", "2026-11-20", GPT),
        (SCOUT, "2025-08-04", "llama-3.3-70b"),  # gpt-oss-120b came the day after: the second named
        (SCOUT, "2025-08-05", GPT),
        (GPT, "2026-11-20", None),
        ("llama3.1-405b", "2026-11-20", None),
        ("gpt-9", "2026-11-20", None),
    ],
)
def test_a_successor_is_followed_to_a_model_live_that_day(name: str, on: str, successor: str | None) -> None:
    assert successor == successor_on(SHIPPED, name, day(on))


@pytest.mark.parametrize(
    ("name", "on", "phase"),
    [
        (GPT, "2025-08-04", Phase.UNRELEASED),
        (GPT, "2025-08-05", Phase.LIVE),
        (GPT, "2026-11-20", Phase.LIVE),
        ("llama3.1-8b", "2024-08-26", Phase.UNRELEASED),
        ("llama3.1-8b", "2026-04-21", Phase.LIVE),
        ("llama3.1-8b", "2026-04-22", Phase.DEPRECATED),
        ("llama3.1-8b", "2026-05-26", Phase.DEPRECATED),
        ("llama3.1-8b", "2026-05-27", Phase.RETIRED),
        ("llama3.1-8b", "2026-05-28", Phase.RETIRED),
        (GLM, "2026-01-06", Phase.UNRELEASED),
        (GLM, "2026-01-07", Phase.PREVIEW),
        (GLM, "2026-07-17", Phase.PREVIEW),
        (GLM, "2026-07-18", Phase.DEPRECATED),
        (GLM, "2026-08-16", Phase.DEPRECATED),
        (GLM, "2026-08-17", Phase.RETIRED),
        (GEMMA, "2026-06-28", Phase.UNRELEASED),
        (GEMMA, "2026-06-29", Phase.PREVIEW),
        (GEMMA, "2026-09-02", Phase.PREVIEW),  # no notice at all
        (GEMMA, "2026-09-03", Phase.DEDICATED),
        (GEMMA, "2026-09-04", Phase.DEDICATED),
        ("qwen-3-32b", "2025-05-26", Phase.UNKNOWN),  # first seen the next day, perhaps live before
        ("qwen-3-32b", "2025-05-27", Phase.LIVE),
        (MAVERICK, "2025-01-01", Phase.PREVIEW),  # first public day not known
        (MAVERICK, "2025-10-14", Phase.PREVIEW),
        (MAVERICK, "2025-10-15", Phase.RETIRED),
        ("kimi-k3", "2026-11-20", Phase.DEDICATED),
        ("llama3.1-405b", "2026-11-20", Phase.UNKNOWN),
    ],
)
def test_a_phase_begins_on_its_day(name: str, on: str, phase: Phase) -> None:
    assert phase == phase_on(SHIPPED.models[name], day(on))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("llama3.1-8b", "llama3.1-8b"),
        ("llama-3.1-8b", "llama3.1-8b"),
        ("llama-3.1-70b", "llama3.1-70b"),
        ("llama-3.1-405b", "llama3.1-405b"),
    ],
)
def test_a_model_is_found_however_it_is_written(written: str, name: str) -> None:
    assert find(SHIPPED, written) == (name, SHIPPED.models[name])


def test_a_name_nobody_uses_is_not_found() -> None:
    assert find(SHIPPED, "llama-3.1-9b") is None


@pytest.mark.parametrize(("name", "held"), SHIPPED.models.items())
def test_a_fact_marked_as_single_source_is_a_fact_the_row_holds(name: str, held: Row) -> None:
    for path in held.single_source:
        fact: Any = held
        for part in path.split("."):
            fact = getattr(fact, part)

        assert fact is not None, f"{name}: {path}"


@pytest.mark.parametrize(("name", "held"), SHIPPED.models.items())
def test_a_paid_account_never_gets_less_than_a_free_one(name: str, held: Row) -> None:
    free, paid = held.limits.free.model_dump(), held.limits.paid.model_dump()

    assert [key for key in free if free[key] and paid[key] and free[key] > paid[key]] == []


def test_the_paid_limits_of_qwen_are_not_those_of_the_free_trial() -> None:
    limits = SHIPPED.models[QWEN].limits

    assert (limits.free.context, limits.free.output) == (65_536, 32_768)
    assert (limits.paid.context, limits.paid.output) == (128_000, 40_000)


@pytest.mark.parametrize(
    ("name", "tokens_per_s", "first_token_ms"),
    [("llama-3.3-70b", 2314, 170), (SCOUT, 2600, None), (DEEPSEEK, 1500, None), ("llama3.1-405b", 969, 240)],
)
def test_the_reference_figures_are_rows(name: str, tokens_per_s: int, first_token_ms: int | None) -> None:
    reference = SHIPPED.models[name].reference

    assert reference
    assert (tokens_per_s, first_token_ms) == (reference.tokens_per_s, reference.first_token_ms)


# ---- counting days ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on", "left"), [("2026-05-20", 7), ("2026-05-26", 1), ("2026-05-27", 0), ("2026-05-28", -1)])
def test_days_left_count_down_to_the_effect_date_and_past_it(on: str, left: int) -> None:
    assert left == days_left(SHIPPED.models["llama3.1-8b"], day(on))


def test_a_model_without_an_effect_date_has_no_days_left() -> None:
    assert days_left(SHIPPED.models[GPT], day("2026-11-20")) is None


@pytest.mark.parametrize(
    ("on", "days", "leaving"),
    [
        ("2026-05-20", 6, []),
        ("2026-05-20", 7, [("llama-3.1-8b", "2026-05-27")]),
        ("2026-06-01", 0, [("llama-3.1-8b", "2026-05-27")]),
        ("2026-06-01", 90, [("llama-3.1-8b", "2026-05-27"), (GLM, "2026-08-17")]),
        ("2026-06-01", 94, [("llama-3.1-8b", "2026-05-27"), (GLM, "2026-08-17"), (GEMMA, "2026-09-03")]),
    ],
)
def test_what_leaves_soon_or_has_left_is_listed_earliest_first(
    on: str, days: int, leaving: list[tuple[str, str]]
) -> None:
    names = [GEMMA, GLM, GPT, "llama-3.1-8b", "somebody-elses-model", GLM]

    assert [(name, day(when)) for name, when in leaving] == leaving_within(SHIPPED, names, day(on), days)


# ---- what a wrong file is told ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            {"old": {"replacements": ["gpt-os-120b"]}, "gpt-oss-120b": {}},
            "'old' names the replacement 'gpt-os-120b', which is not in the catalog: did you mean 'gpt-oss-120b'?",
        ),
        (
            {"old": {"replacements": ["zebra"]}},
            "'old' names the replacement 'zebra', which is not in the catalog: add a row for it",
        ),
        ({"old": {"replacements": ["old"]}}, "'old' names itself as its replacement: remove it"),
        (
            {"a": {"also_written": ["b"]}, "b": {}},
            "'a' is also written 'b', which is a model of its own: remove one",
        ),
        (
            {"a": {"also_written": ["x"]}, "b": {"also_written": ["x"]}},
            "'x' is listed twice in also_written, under 'a' and 'b': remove one",
        ),
        (
            {"a": {"also_written": ["x", "x"]}},
            "'x' is listed twice in also_written, under 'a' and 'a': remove one",
        ),
        (
            {"a": {"notice": {"on": "2026-02-02"}, "retires": "2026-02-01"}},
            "retires on 2026-02-01, before the notice of 2026-02-02",
        ),
        (
            {"a": {"first_public": {"by": "2026-02-02"}, "retires": "2026-02-01"}},
            "retires on 2026-02-01, before it was first public on 2026-02-02",
        ),
        (
            {"a": {"retires": "2026-02-02", "answered_until": "2026-02-01"}},
            "answered until 2026-02-01, before it retires on 2026-02-02: leave it out",
        ),
        ({"a": {"dedicated_after": True}}, "'answered_until' and 'dedicated_after' follow 'retires'"),
        ({"a": {"first_public": {}}}, "a date is either known exactly or by a day: give one of 'on' and 'by'"),
        (
            {"a": {"first_public": {"on": "2026-02-01", "by": "2026-02-01"}}},
            "a date is either known exactly or by a day: give one of 'on' and 'by'",
        ),
        ({"a": {"retired": "2026-02-01"}}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_row_is_refused_with_the_reason(rows: dict[str, dict[str, Any]], sentence: str) -> None:
    defaults = {"stage": "production", "mark": "confirmed", "verified_on": SOME_DAY}
    models = {name: {**defaults, **facts} for name, facts in rows.items()}

    with pytest.raises(ValidationError) as refusal:
        Catalog.model_validate({"verified_on": SOME_DAY, "provider": "cerebras", "models": models})

    assert sentence in str(refusal.value)


def test_all_wrong_names_are_told_at_once() -> None:
    with pytest.raises(ValidationError, match=r"'zebra'.*'yak'"):
        catalog(a=row(replacements=["zebra"]), b=row(replacements=["yak"]))


def test_notice_and_effect_may_share_a_day() -> None:
    assert row(notice={"on": "2026-09-03"}, retires="2026-09-03").retires == day("2026-09-03")


@pytest.mark.parametrize("text", ["{on: 2026-01-07}", '{"on": 2026-01-07}', "{by: 2026-01-07}"])
def test_a_date_reads_the_same_whether_or_not_yaml_takes_on_for_true(text: str) -> None:
    assert Known.model_validate(yaml.safe_load(text)).day == day("2026-01-07")


@pytest.mark.parametrize("model", [Catalog, Row])
def test_every_field_explains_itself_in_the_schema(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    shapes = [schema, *schema["$defs"].values()]

    assert [
        name for shape in shapes for name, field in shape.get("properties", {}).items() if not field.get("description")
    ] == []


# ---- what holds for any catalog -----------------------------------------------------------------------------------

FIRST, LAST = day("2026-01-01"), day("2026-03-01")
DAYS = st.dates(FIRST, LAST)
NAMES = ["a", "b", "c", "d", "e"]


def known(when: date, exactly: bool) -> dict[str, date]:
    return {"on" if exactly else "by": when}


@st.composite
def rows(draw: st.DrawFn, name: str, names: list[str]) -> Row:
    """A valid row whose few dates lie close together, so that every boundary is met."""
    others = [other for other in names if other != name]
    facts: dict[str, Any] = {
        "stage": draw(st.sampled_from(Stage)),
        "replacements": draw(st.lists(st.sampled_from(others), unique=True)) if others else [],
    }
    first, notice, retires, answered = sorted(draw(st.lists(DAYS, min_size=4, max_size=4)))
    if draw(st.booleans()):
        facts["first_public"] = known(first, draw(st.booleans()))
    if draw(st.booleans()):
        facts["notice"] = known(notice, draw(st.booleans()))
    if draw(st.booleans()):
        facts |= {"retires": retires, "dedicated_after": draw(st.booleans())}
        if draw(st.booleans()):
            facts["answered_until"] = answered
    return row(**facts)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    return catalog(**{name: draw(rows(name, names)) for name in names})


@given(rows("a", ["a"]))
def test_a_model_that_retired_never_comes_back(held: Row) -> None:
    every_day = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]

    assert [
        (earlier, later)
        for earlier, later in pairwise(every_day)
        if phase_on(held, earlier) is Phase.RETIRED and phase_on(held, later) is not Phase.RETIRED
    ] == []


@given(catalogs(), st.sampled_from(NAMES), DAYS)
def test_a_successor_is_always_another_model_live_that_day(held: Catalog, name: str, on: date) -> None:
    successor = successor_on(held, name, on)

    if successor is not None:
        assert successor != name
        assert successor in live_models(held, on)


@given(catalogs(), DAYS)
def test_a_direct_live_replacement_is_never_missed(held: Catalog, on: date) -> None:
    live = set(live_models(held, on))

    for name, held_row in held.models.items():
        if live.intersection(held_row.replacements):
            assert successor_on(held, name, on) in live


@given(catalogs(), DAYS)
def test_the_public_set_names_only_models_of_the_catalog_and_all_live_ones(held: Catalog, on: date) -> None:
    served = public_on(held, on)

    assert served <= set(held.models)
    assert served >= set(live_models(held, on))


@given(st.dates(day("2024-01-01"), day("2028-01-01")), st.sampled_from(sorted(SHIPPED.models)))
def test_every_shipped_successor_is_live_and_every_public_model_is_known(on: date, name: str) -> None:
    successor = successor_on(SHIPPED, name, on)

    assert successor is None or phase_on(SHIPPED.models[successor], on) is Phase.LIVE
    assert public_on(SHIPPED, on) <= set(SHIPPED.models)


def test_replacements_that_name_each_other_end_without_a_successor() -> None:
    gone = {"retires": "2026-01-01"}
    circle = catalog(a=row(replacements=["b"], **gone), b=row(replacements=["c", "a"], **gone), c=row(**gone))

    assert successor_on(circle, "a", day("2026-02-01")) is None


def test_a_live_model_is_not_its_own_successor_even_when_the_chain_returns_to_it() -> None:
    circle = catalog(a=row(replacements=["b"]), b=row(replacements=["a"], retires="2026-01-01"))

    assert successor_on(circle, "a", day("2026-02-01")) is None


def test_the_first_named_chain_is_followed_to_its_end_before_the_second_is_tried() -> None:
    chained = catalog(
        old=row(replacements=["middle", "second"], retires="2026-01-01"),
        middle=row(replacements=["first", "other"], retires="2026-01-01"),
        first=row(),
        other=row(),
        second=row(),
    )

    assert successor_on(chained, "old", day("2026-02-01")) == "first"
