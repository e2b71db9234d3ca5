"""Every file in bad/ says in its first lines what it must be told, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.config import deployments, files
from plugins.config.crosscheck import RULES
from plugins.config.whole import Rule, Whole
from tests.config.worlds import FLAWS, TODAY, World, expected


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_told_in_exactly_these_words(flaw: str, tmp_path: Path) -> None:
    world = World(tmp_path, flaw=flaw)

    assert expected(flaw) == world.problems()


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_says_what_is_expected_of_it(flaw: str) -> None:
    assert expected(flaw)


def test_a_world_without_a_flaw_has_no_problems(tmp_path: Path) -> None:
    assert World(tmp_path).problems() == []


def test_every_crosscheck_has_a_flaw_that_it_finds(tmp_path: Path) -> None:
    found = {_name(rule) for flaw in FLAWS for rule in _rules_that_object(World(tmp_path, flaw=flaw))}

    assert {_name(rule) for rule in RULES} == found


def _name(rule: Rule) -> str:
    return str(getattr(rule, "__name__", rule))


def _rules_that_object(world: World) -> list[Rule]:
    loaded = files.load(world.directory)
    document, problems = deployments.load(world.config)
    if loaded.policies is None or problems:
        return []
    deployed = deployments.deployed(document, {"CEREBRAS_API_KEY": "k", "OTHER": "http://localhost"})
    whole = Whole(loaded.policies, deployed, {**loaded.documents, "litellm": document}, {}, TODAY)
    return [rule for rule in RULES if list(rule(whole))]


def test_a_missing_file_is_told_with_where_to_get_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.path("routing").unlink()

    cure = "copy it from the shipped policies/, or point WAFERLINE_POLICIES at the right directory"
    assert world.problems() == [f"routing.yaml:1: the file is missing; {cure}"]


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.path("routing").write_bytes(b"\xff\xfe")

    (problem,) = world.problems()

    assert problem.startswith("routing.yaml:1: cannot be read, 'utf-8' codec")
    assert problem.endswith("; check its permissions and that it is UTF-8")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("num_retries: [", "litellm_config.yaml:10: not valid YAML, did not find expected ',' or ']'"),
        ("num_retries: true", "litellm_config.yaml:8 router_settings.num_retries: must be 0"),
    ],
)
def test_what_litellm_reads_is_located_too(written: str, told: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change("litellm", "num_retries: 0", written)

    assert any(problem.startswith(told) for problem in world.problems()), world.problems()
