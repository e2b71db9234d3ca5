"""The scorecard of our two lanes, of those cases that take no time: real processes, the provider's own log."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from loadtests.conformance.__main__ import main

VERDICTS = {
    "S01": "pass",
    "S02": "pass",
    "S04": "pass",
    "S05": "pass",
    "S07": "pass",
    "S08": "safe",
    "S10": "safe",
    "S11": "pass",
    "S12": "pass",
    "S13": "pass",
    "S14": "safe",
    "S16": "pass",
    "W01": "safe",
    "W03": "pass",
    "W05": "pass",
    "W07": "pass",
    "W08": "pass",
    "W10": "pass",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("conformance")

    assert main(["--gateways", "express,LiteLLM", "--cases", ",".join(VERDICTS), "--out", str(out)]) == 0
    return next(out.iterdir())


@pytest.mark.parametrize("lane", ["express lane", "LiteLLM lane"])
def test_a_lane_gets_these_verdicts(run: Path, lane: str) -> None:
    rows = orjson.loads((run / "conformance.json").read_bytes())["rows"]
    why = [row for row in rows if row["gateway"] == lane and row["verdict"] != VERDICTS[row["case"]]]

    assert {row["case"]: row["verdict"] for row in rows if row["gateway"] == lane} == VERDICTS, why


def test_the_page_has_a_row_for_each_case(run: Path) -> None:
    page = (run / "conformance.md").read_text(encoding="utf-8")

    assert [case for case in VERDICTS if f"| {case} |" not in page] == []


def test_a_case_or_gateway_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert main(["--cases", "X", "--out", str(tmp_path)]) == 2
    assert main(["--gateways", "squid", "--out", str(tmp_path)]) == 2
