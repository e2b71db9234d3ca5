"""What the rows of Locust's statistics are called. Pure."""

from __future__ import annotations

FIRST = "first token, ms"
TOTAL = "all of it, ms"
RATE = "tokens/s"
GAP = "longest gap, ms"


def name_of(workload: str, way: str) -> str:
    return workload if way == "target" else f"{workload} ({way})"


def is_of_the_target(name: str) -> bool:
    return not name.endswith(")")
