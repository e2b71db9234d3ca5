"""One thing that `waferline doctor` looked at: how it is, and the cure where it is not well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    NOTE = "note"  # neither well nor ill: it was not looked at, or there is nothing to hold it against


@dataclass(frozen=True, slots=True)
class Examined:
    about: str
    what: str
    state: State
    said: str
    cure: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        return f"{self.said}; {self.cure}" if self.cure else self.said

    def as_dict(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "what": self.what,
            "state": str(self.state),
            "said": self.said,
            "cure": self.cure or None,
            **({"figures": dict(self.figures)} if self.figures else {}),
        }
