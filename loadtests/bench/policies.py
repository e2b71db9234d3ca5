"""The policies of this repository, in a copy that may differ."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from loadtests.bench.processes import ROOT

_LANE = re.compile(r"^lane: \w+", re.MULTILINE)


def copied(directory: Path, lane: str | None = None) -> Path:
    """As `policies` in the directory, on that lane where one is named."""
    policies = directory / "policies"
    shutil.copytree(ROOT / "policies", policies)
    if lane is not None:
        routing = policies / "routing.yaml"
        routing.write_text(on_lane(routing.read_text(), lane))
    return policies


def on_lane(routing: str, lane: str) -> str:
    """The text of a routing.yaml, with another lane."""
    return _LANE.sub(f"lane: {lane}", routing)
