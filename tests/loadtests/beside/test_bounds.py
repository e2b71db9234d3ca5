"""A tool has only so long, and whatever it leaves is a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.beside.run import beside
from loadtests.engine.accuracy import knobs


@pytest.mark.parametrize(
    ("script", "seconds", "why"),
    [
        ("exec sleep 600", 0.2, "did not end within 0.2 s"),
        ("true", 60, "left no report.json"),
        ("echo '{}' > report.json", 60, "its report.json is not as expected: KeyError 'benchmarks'"),
        (None, 60, "cannot be run (No such file or directory)"),
    ],
)
def test_a_tool_that_yields_nothing_says_why(tmp_path: Path, script: str | None, seconds: float, why: str) -> None:
    path = tmp_path / "tool"
    if script is not None:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    row = beside("guidellm", str(path), 2, 10, knobs(10, "tick", 2.5), seconds)

    assert row.why.endswith(why)
    assert (row.name, row.said) == ("guidellm", None)
