"""What is wrong with policies/slo.yaml is all told at once, and stops no gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.config.slo import check_slo, read_slo
from tests.commands.running import DAY, within
from tests.config.worlds import ROOT, World

NAMES = ["talk", "elder"]


def told(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "slo.yaml").write_text(text, "utf-8")
    return [str(problem).replace(f"{tmp_path}/", "") for problem in check_slo(tmp_path, NAMES)]


def test_every_mistake_is_told_with_its_place_and_cure(tmp_path: Path) -> None:
    text = """\
confidence: 2
default:
  first_token_ms: {p50: 900, p95: 500}
  tokens_per_s: {p05: 800}
  error_share: 1 %
  silent_truncations: 0
workloads:
  talk:
    gap_ms: {p99: 0}
"""

    order = "a later percentile cannot be smaller than an earlier one"
    assert told(tmp_path, text) == [
        "slo.yaml:1 confidence: must be at most 0.999 (was 2)",
        f"slo.yaml:3 default.first_token_ms: {order} (was p50 900, p95 500)",
        "slo.yaml:4 default.tokens_per_s.p05: is not a known key; did you mean 'p5'?",
        "slo.yaml:5 default.error_share: must be a number (was '1 %')",
        "slo.yaml:6 default.silent_truncations: is not a known key; did you mean 'silent_truncation'?",
        "slo.yaml:9 workloads.talk.gap_ms.p99: must be more than 0 (was 0)",
    ]


def test_a_promise_to_a_workload_nobody_has_is_told(tmp_path: Path) -> None:
    what = "is promised to nobody, no workload or model is so named"

    assert told(tmp_path, "workloads:\n  tlak: {error_share: 0}\n") == [
        f"slo.yaml:2 workloads.tlak: {what}; did you mean 'talk'?"
    ]


def test_percentiles_that_only_disagree_with_the_defaults_are_told(tmp_path: Path) -> None:
    text = "default:\n  first_token_ms: {p95: 500}\nworkloads:\n  talk:\n    first_token_ms: {p50: 600}\n"

    what = "with the default's percentiles a later one is smaller than an earlier one, p50 600, p95 500"
    assert told(tmp_path, text) == [f"slo.yaml:5 workloads.talk.first_token_ms: {what}; write all of them here"]


def test_a_directory_without_service_levels_wants_none(tmp_path: Path) -> None:
    assert check_slo(tmp_path, NAMES) == []


def test_a_file_that_is_not_there_is_told_when_it_was_named(tmp_path: Path) -> None:
    slo, _, (problem,) = read_slo(tmp_path / "mine.yaml")

    assert slo is None
    assert "cannot be read" in str(problem)


def test_check_finds_what_is_wrong_with_service_levels(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "slo.yaml").write_text("default: {error_share: 7}\n", "utf-8")

    said = within(world, "check", "--at", DAY)

    assert said.lines[0] == "slo.yaml:1 default.error_share: must be at most 1 (was 7)"
    assert said.status == 1


def test_a_workload_is_promised_what_it_writes_and_the_default_for_the_rest() -> None:
    slo, _, problems = read_slo(ROOT / "policies" / "slo.yaml")

    assert problems == []
    assert slo
    voice = slo.levels("voice")
    assert (voice.first_token_ms.p99, voice.gap_ms.p99, voice.silent_truncation) == (1500, 400, 0)
    assert (voice.goodput.share, voice.goodput.first_token_ms) == (0.95, 700)
    assert slo.levels("anything") == slo.default


@pytest.mark.parametrize("text", ["", "[]", "default: 3", "workloads: {talk: }"])
def test_a_file_of_another_shape_has_problems_and_raises_nothing(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text)
