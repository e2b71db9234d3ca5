from __future__ import annotations

import json
from pathlib import Path

from tests.commands.running import waferline, within
from tests.config.worlds import World

STEMS = ["models", "lifecycle", "streaming", "routing", "access", "circuits", "slo", "examples"]


def test_the_shipped_schemas_are_up_to_date() -> None:
    said = waferline("schema")

    assert said.lines == ["8 schemas in policies/schemas are up to date"]
    assert said.status == 0


def test_missing_schemas_are_named_and_written_on_request(tmp_path: Path) -> None:
    world = World(tmp_path)

    before, written, after = within(world, "schema"), within(world, "schema", "--write"), within(world, "schema")

    named = [f"schemas/{stem}.schema.json" for stem in STEMS]
    assert [*(f"out of date  {name}" for name in named), "run `waferline schema --write`"] == before.lines
    assert [f"wrote  {name}" for name in named] == written.lines
    assert (before.status, written.status, after.status) == (1, 0, 0)


def test_a_written_schema_is_json_that_describes_its_file(tmp_path: Path) -> None:
    world = World(tmp_path)
    within(world, "schema", "--write")

    held = json.loads((tmp_path / "schemas" / "routing.schema.json").read_text("utf-8"))

    assert held["title"] == "policies/routing.yaml"
    assert held["additionalProperties"] is False


def test_json_says_of_each_whether_it_is_current(tmp_path: Path) -> None:
    held = within(World(tmp_path), "schema", "--json").json

    assert {row["current"] for row in held["schemas"]} == {False}
    assert held["written"] == []
