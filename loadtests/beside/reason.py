"""Why a tool has failed, of all that it printed. Pure."""

from __future__ import annotations

import re

_ERROR = re.compile(r"\bERROR\b|^[\w.]*Error: ")
_LONGEST = 200


def reason(log: str) -> str:
    """The first error, as those after it are its consequences; else the last word."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)]
    return (errors[:1] or lines[-1:] or ["it said nothing"])[0][:_LONGEST]
