"""What `run.json` says about a run, with a name for each; whatever is not there is not known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def load_said(users: float | None, rate: float | None) -> str:
    """ "" where it is not by users or by rate."""
    if rate is not None:
        return f"{rate:g} requests/s"
    return "" if users is None else f"{users:g} user{'' if users == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    begin: float
    end: float
    users: float | None = None
    rate: float | None = None
    ramp_until: float | None = None

    @property
    def load(self) -> float | None:
        return self.users if self.rate is None else self.rate

    @property
    def load_text(self) -> str:
        return load_said(self.users, self.rate)

    @property
    def steady_from(self) -> float:
        return self.begin if self.ramp_until is None else self.ramp_until


@dataclass(frozen=True, slots=True)
class Facts:
    info: Mapping[str, Any]

    def at(self, *path: str) -> Any:
        held: Any = self.info
        for name in path:
            held = held.get(name) if isinstance(held, Mapping) else None
        return held

    def number(self, *path: str) -> float | None:
        held = self.at(*path)
        return float(held) if isinstance(held, (int, float)) and not isinstance(held, bool) else None

    def text(self, *path: str) -> str:
        held = self.at(*path)
        return "" if held is None else str(held)

    @property
    def name(self) -> str:
        return self.text("name") or self.text("scenario", "name") or "run"

    @property
    def scenario(self) -> str:
        return self.text("scenario", "name") or "unnamed"

    @property
    def must_prove(self) -> bool:
        return self.at("scenario", "must_prove") is not False

    @property
    def primaries(self) -> frozenset[str]:
        return frozenset(self.at("primaries") or ())

    @property
    def unstreamed(self) -> frozenset[str]:
        """What was asked for without a stream, where an answer that comes at once is what was wanted."""
        asks = self.at("scenario", "asks") or ()
        return frozenset(str(ask["model"]) for ask in asks if ask.get("stream") is False)

    @property
    def bottleneck(self) -> str | None:
        return self.text("generator", "bottleneck") or None

    @property
    def stages(self) -> list[Stage]:
        return [
            Stage(
                name=str(row["name"]),
                begin=float(row["begin"]),
                end=float(row["end"]),
                users=row.get("users"),
                rate=row.get("rate"),
                ramp_until=row.get("ramp_until"),
            )
            for row in self.at("stages") or ()
        ]

    def reference(self, model: str | None, figure: str) -> float | None:
        return self.number("references", model, figure) if model else None
