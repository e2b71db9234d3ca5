"""Numbers and times as headers write them. Pure."""

from __future__ import annotations

import math
import re

_GO_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def duration(text: str | None) -> float | None:
    """Float seconds at Cerebras; 6m0s or 120ms at others."""
    seconds = number(text)
    if seconds is not None or not text:
        return seconds
    found = _GO_DURATION.fullmatch(text.strip())
    if found is None or len(text) > 40:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def number(text: str | None) -> float | None:
    """A time or an amount that can be one; headers hold anything."""
    try:
        found = float(text) if text else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None
