"""The whole bench, as small as it gets: real processes, and a margin that no busy machine should miss."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from loadtests.bench import flags
from loadtests.bench.__main__ import main
from loadtests.bench.matrix import DIRECT, PATHS, Setting
from loadtests.bench.musts import EXPRESS

TINY = "--quick --streams 2 --rounds 1 --segments tick --seconds 0.2 --paths direct,express --no-pin".split()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench")

    assert main([*TINY, "--out", str(out)]) == 0
    return next(out.iterdir())


def test_it_writes_a_page_a_plot_and_every_cell(run: Path) -> None:
    document = orjson.loads((run / "bench.json").read_bytes())

    assert sorted(path.name for path in run.iterdir()) == ["bench.json", "bench.md", "bench.svg"]
    assert [row["path"] for row in document["rows"]] == [DIRECT, EXPRESS]
    assert {"stream", "ceiling"} == {cell["kind"] for cell in document["cells"]}
    assert f"| {EXPRESS} |" in (run / "bench.md").read_text(encoding="utf-8")


def test_every_answer_is_whole_and_as_fast_as_direct_within_a_wide_margin(run: Path) -> None:
    direct, express = orjson.loads((run / "bench.json").read_bytes())["rows"]

    assert [row["broken"] for row in (direct, express)] == [0, 0]
    assert min(direct["answers"], express["answers"]) >= 2
    assert express["rate_share"] >= 0.8
    assert express["cpu_us_per_token"] > 0


def test_quick_is_the_setting_that_the_promises_are_about() -> None:
    quick = flags.read(["--quick"])

    assert Setting("tick", 32, 512, 2300) in [
        Setting(segment, *shape) for segment in quick.ranges.segments for shape in [(32, 512, 2300)]
    ]
    assert (quick.ranges.streams, quick.ranges.tokens, quick.ranges.pace) == ((32,), (512,), (2300,))
    assert quick.paths == PATHS
    assert not quick.soak


@pytest.mark.parametrize(("path", "text"), [("nginx", "NGINX"), ("HAProxy", "ha"), ("direct", "direct")])
def test_a_path_may_be_named_by_its_beginning(path: str, text: str) -> None:
    assert path in flags.read(["--paths", text]).paths


def test_a_path_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SystemExit):
        flags.read(["--paths", "squid"])
