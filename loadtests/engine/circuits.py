"""What the gateway's circuits do meanwhile, where it lets us look."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from loadtests.record.sample import Mark, MarkKind

LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 0.5


class Circuits:
    def __init__(self, url: str, key: str | None) -> None:
        self._url = url.removesuffix("/v1")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._states: dict[str, str] | None = None
        self._due = 0.0
        self._is_ours = True
        self.marks: list[Mark] = []

    def look(self, at: float) -> None:
        """A target that is not our gateway is asked once."""
        if not self._is_ours or at < self._due:
            return
        self._due = at + LOOK_SECONDS
        found = self.fetch("circuits")
        if found is None:
            self._is_ours = self._states is not None
            return
        states = {str(row["target"]): str(row["state"]) for row in found.get("circuits", [])}
        before = self._states or states
        self.marks += [
            Mark(kind=MarkKind.CIRCUIT, what=state, at=at, target=target)
            for target, state in states.items()
            if before.get(target, state) != state
        ]
        self._states = states

    def fetch(self, what: str) -> dict[str, Any] | None:
        request = Request(f"{self._url}/waferline/{what}", headers=self._headers)  # noqa: S310  the target of the run
        try:
            with urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
                found = json.loads(answer.read())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None
