"""The end of a run says on a terminal what its folder says at length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from loadtests.conclude import conclude
from loadtests.exits import Exit
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome
from tests.loadtests.synthetic import broken, climbing, run


def test_a_run_ends_with_its_verdict_its_causes_and_the_place_of_its_report(tmp_path: Path) -> None:
    made = conclude(tmp_path, run(rate=120))

    lines = made.text.splitlines()
    assert made.exit_code is Exit.MISSED
    assert lines[0].startswith("missed: 2 of 9 promises")
    assert any(line.startswith("  bad     the speed of a stream of gpt-oss-120b is 15") for line in lines)
    assert lines[-1] == f"report: {tmp_path / 'report.html'}"
    assert {each.name for each in tmp_path.iterdir()} == {"verdict.json", "junit.xml", "summary.md", "report.html"}


def test_a_sweep_is_judged_by_its_safe_levels_though_it_goes_further(tmp_path: Path) -> None:
    made = conclude(tmp_path, climbing([8, 16, 32, 64, 128, 256], 32))

    assert made.exit_code is Exit.HELD
    assert "  sweep   the knee is at 32 users; the highest safe level is" in made.text
    assert "of the levels up to" in (tmp_path / "report.html").read_text("utf-8")


def test_a_sweep_of_which_no_level_is_safe_is_a_miss(tmp_path: Path) -> None:
    whole = climbing([8, 16, 32], 1000)
    made = conclude(tmp_path, Run(whole.info, [broken(each, Outcome.FAILED) for each in whole.samples]))

    assert made.exit_code is Exit.MISSED
    assert "no level keeps every promise" in made.text


def test_a_run_may_name_service_levels_of_its_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("default: {first_token_ms: {p50: 100}}\n", "utf-8")
    made = run()

    assert conclude(tmp_path, made).exit_code is Exit.HELD
    assert conclude(tmp_path, replace(made, info={**made.info, "slo": str(mine)})).exit_code is Exit.MISSED
