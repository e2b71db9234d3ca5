from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import DAY, waferline, within
from tests.config.worlds import World


def test_the_models_that_are_served_are_shown_in_columns() -> None:
    said = waferline("catalog", "show", "--at", DAY)

    assert said.lines[:3] == [
        "model         phase  first public  context  $ in/out   tokens/s",
        "gpt-oss-120b  live   2025-08-05    131072   0.35/0.75  3000",
        "qwen-3.8-27b  live   2026-09-03    128000   0.99/1.49  1850",
    ]
    assert said.lines[4].startswith("2 models on 2026-11-20; 18 more that are not served: --all; verified ")
    assert said.status == 0


def test_a_retired_model_is_shown_on_request_with_where_to_go() -> None:
    (row,) = [line for line in waferline("catalog", "show", "--all", "--at", DAY).lines if "llama-3.3" in line]

    shown = "llama-3.3-70b retired by 2024-12-17 by 2026-02-06 2026-02-16 gpt-oss-120b 128000 0.85/1.20 2100"
    assert shown == " ".join(row.split())


@pytest.mark.parametrize(("day", "phase"), [("2026-05-01", "deprecated"), ("2026-04-01", "live")])
def test_the_table_is_of_its_day(day: str, phase: str) -> None:
    said = waferline("catalog", "show", "--at", day, "--json")

    assert {row["model"]: row["phase"] for row in said.json["models"]}["llama3.1-8b"] == phase


def test_one_model_is_shown_in_full_under_whatever_name() -> None:
    said = waferline("catalog", "show", "llama-3.1-8b", "--at", "2026-05-01")

    assert said.lines[0] == "llama3.1-8b, deprecated as of 2026-05-01"
    facts = {" ".join(line.split()) for line in said.lines}
    assert {"successor gpt-oss-120b", "days left 26", "retires 2026-05-27", "limits.paid.context 32768"} <= facts
    assert {"capabilities.reasoning no", "price.input 0.1"} <= facts


def test_an_unknown_model_is_an_error_with_the_nearest_name() -> None:
    said = waferline("catalog", "show", "lama3.1-8b")

    assert said.err == "waferline: 'lama3.1-8b' is not a model of the catalog; did you mean 'llama3.1-8b'?\n"
    assert said.status == 2


def test_nothing_is_due_while_the_configured_models_stay() -> None:
    said = waferline("catalog", "due", "--within", "30d", "--at", DAY)

    assert said.lines == [
        "fine  cerebras/gpt-oss-120b: live, no retirement announced",
        "fine  cerebras/qwen-3.8-27b: live, no retirement announced",
        "0 of 2 Cerebras targets due within 30 days of 2026-11-20",
    ]
    assert said.status == 0


@pytest.mark.parametrize(
    ("row", "day", "line", "status"),
    [
        ("retires: 2026-12-21", "2026-11-20", "fine  a: live, retires 2026-12-21, in 31 days; use 'steady'", 0),
        ("retires: 2026-12-21", "2026-11-21", "due   a: live, retires 2026-12-21, in 30 days; use 'steady'", 1),
        ("retires: 2026-12-21", "2026-12-20", "due   a: live, retires 2026-12-21, in 1 day; use 'steady'", 1),
        ("retires: 2026-12-21", "2026-12-21", "due   a: retired, retires 2026-12-21, today; use 'steady'", 1),
        ("retires: 2026-12-21", "2026-12-23", "due   a: retired, retired 2026-12-21, 2 days ago; use 'steady'", 1),
        (
            "notice: {on: 2026-11-01}, retires: 2027-03-01",
            "2026-11-20",
            "fine  a: deprecated, retires 2027-03-01, in 101 days; use 'steady'",
            0,
        ),
        (
            "notice: {on: 2026-10-01}, retires: 2027-03-01",
            "2026-11-20",
            "due   a: deprecated, retires 2027-03-01, in 101 days; use 'steady'",
            1,
        ),
    ],
)
def test_a_model_is_due_when_it_leaves_soon_has_left_or_is_blocked(
    row: str, day: str, line: str, status: int, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.change("models", "swift: {stage: production,", f"swift: {{stage: production, {row}, replacements: [steady],")

    said = within(world, "catalog", "due", "--at", day)

    assert line == said.lines[0]
    assert status == said.status


def test_a_model_that_the_catalog_does_not_know_is_due(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change("litellm", "model: cerebras/steady", "model: cerebras/newest")

    said = within(world, "catalog", "due", "--within", "0", "--at", DAY)

    assert said.lines[1].startswith("due   c: not in the catalog; refused (lifecycle.unknown), live today: ")
    assert said.status == 1


def test_due_in_json_names_each_target(tmp_path: Path) -> None:
    said = within(World(tmp_path), "catalog", "due", "--json", "--at", DAY)

    assert [row["deployment"] for row in said.json["targets"]] == ["a", "c"]
    assert said.json["due"] == 0
