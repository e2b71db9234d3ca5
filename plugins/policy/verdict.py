"""What a policy answers. A verdict is data: it can be returned, printed, compared, logged or raised as an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class StreamMode(StrEnum):
    """How the provider is asked and the client answered."""

    AS_ASKED = "as-asked"
    UPGRADE = "upgrade"  # the provider streams, the client gets ordinary JSON


@dataclass(frozen=True, slots=True)
class Allow:
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Amend:
    """Served, but not quite as asked: another model, extra headers, another way to stream."""

    rule: str
    reason: str
    model: str | None = None
    stream: StreamMode | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refuse:
    rule: str
    reason: str
    cure: str
    status: int
    code: str
    param: str | None = "model"
    successor: str | None = None
    retry_after: float | None = None

    @property
    def message(self) -> str:
        return f"{self.reason}; {self.cure}"


Verdict = Allow | Amend | Refuse


def listed(names: object) -> str:
    """Names as a person would say them, or what to say when there are none."""
    found = sorted(str(name) for name in names) if isinstance(names, (list, tuple, set, frozenset)) else [str(names)]
    return ", ".join(found) if found else "none"
