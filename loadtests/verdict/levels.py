"""The service levels a run is judged by, read and checked."""

from __future__ import annotations

from pathlib import Path

from plugins.config.slo import read_slo
from plugins.policy.slo import SloFile

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "slo.yaml"


class LevelsError(Exception):
    """The file is wrong; one line for each mistake."""


def problems(path: Path | None = None) -> list[str]:
    """Each with its place and cure; to be asked before any load is sent."""
    return [str(problem) for problem in read_slo(path or SHIPPED)[2]]


def read(path: Path | None = None) -> SloFile:
    slo, _, found = read_slo(path or SHIPPED)
    if slo is None:
        raise LevelsError("\n".join(str(problem) for problem in found))
    return slo
