"""What is shipped is right: the files fit together, and the schemas describe them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from plugins.commands.context import as_if_set
from plugins.commands.schema import TITLES, texts
from plugins.config import deployments
from plugins.config.checking import check
from plugins.config.schema import schema
from tests.config.worlds import ROOT, TODAY

POLICIES = ROOT / "policies"
CONFIG = ROOT / "litellm_config.yaml"
FILES = [*sorted(POLICIES.glob("*.yaml")), *sorted((POLICIES / "examples").glob("*.yaml"))]


def test_the_shipped_files_fit_together_with_every_variable_set() -> None:
    document, _ = deployments.load(CONFIG)
    _, problems = check(POLICIES, CONFIG, as_if_set(document.data, {}), TODAY)

    assert [str(problem) for problem in problems] == []


def test_the_shipped_files_fit_together_with_no_variable_set() -> None:
    _, problems = check(POLICIES, CONFIG, {}, TODAY)

    assert [str(problem) for problem in problems] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_file_is_valid_by_its_schema(path: Path) -> None:
    held = as_an_editor_reads(path.read_text("utf-8"))

    jsonschema.Draft202012Validator(schema_of(path), format_checker=jsonschema.FormatChecker()).validate(held)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_file_names_the_schema_it_is_checked_by(path: Path) -> None:
    named = path.read_text("utf-8").splitlines()[0].removeprefix("# yaml-language-server: $schema=")

    assert (path.parent / named).resolve() == POLICIES / "schemas" / f"{stem_of(path)}.schema.json"


def test_the_schemas_are_what_the_code_would_write() -> None:
    assert texts(POLICIES) == {path: path.read_text("utf-8") for path in (POLICIES / "schemas").glob("*")}


@pytest.mark.parametrize("stem", TITLES)
def test_a_schema_is_one_and_describes_every_key(stem: str) -> None:
    title, model = TITLES[stem]
    made = schema(title, model)
    shapes = [made, *made.get("$defs", {}).values()]

    jsonschema.Draft202012Validator.check_schema(made)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["title"] == title
    assert [
        key for shape in shapes for key, held in shape.get("properties", {}).items() if "description" not in held
    ] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lifecycle", "retird: refuse"),
        ("lifecycle", "retired: refuze"),
        ("routing", "merge_window_ms: 900"),
        ("routing", "workloads: {'a b': {purpose: x, models: [y]}}"),
        ("access", "clients: [{name: x, key_sha256: short, models: ['*']}]"),
        ("examples", "examples: []"),
        ("models", "{verified_on: 2026-11-20, provider: cerebras, models: {x: {stage: live}}}"),
    ],
)
def test_a_schema_objects_to_what_the_code_objects_to(name: str, text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_an_editor_reads(text), schema(*TITLES[name]))


def test_the_catalogs_exact_days_are_called_on_whatever_yaml_makes_of_the_key() -> None:
    held = as_an_editor_reads((POLICIES / "models.yaml").read_text("utf-8"))

    assert held["models"]["gpt-oss-120b"]["first_public"] == {"on": "2025-08-05"}


def stem_of(path: Path) -> str:
    return "examples" if path.parent.name == "examples" else path.stem


def schema_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((POLICIES / "schemas" / f"{stem_of(path)}.schema.json").read_text("utf-8"))
    return found


def as_an_editor_reads(text: str) -> Any:
    """By YAML 1.2, where `on` is a word and a date is text."""
    return _plain(yaml.safe_load(text))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {"on" if key is True else key: _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return str(value) if isinstance(value, date) else value
