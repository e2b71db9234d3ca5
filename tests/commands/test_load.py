"""`waferline load` is the load tests' own command: its words go through, and so does what its end means."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.config.worlds import ROOT
from tests.support.processes import clean_environment


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["run", "smok"], 3, "did you mean 'smoke'?"),
        (["run", "smoke", "--dry-run"], 0, "POST /v1/chat/completions HTTP/1.1"),
        (["run", "--help"], 0, "--i-mean-it HOST"),
        (["--", "--help"], 0, "accuracy"),
        (["schema"], 0, "scenario.schema.json is up to date"),
    ],
)
def test_words_go_through_to_the_load_tests_and_their_end_comes_back(
    tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    done = subprocess.run(
        [str(ROOT / "waferline"), "load", *arguments],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done
