"""The places of this worker: a request holds one from its first byte to the last of its answer, or until it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugins.policy.circuits import InFlight
from plugins.policy.verdict import Refuse

_CURE = "try again in a second; other workers may have room"


class Places:
    """More than it can carry would make all of them slow. So one too many is told at once, before its body is read."""

    def __init__(
        self, settings: Callable[[], InFlight] = InFlight, lasting_lag: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._settings = settings
        self._lasting_lag = lasting_lag
        self.taken = 0
        self.shed = 0

    def refusal(self) -> Refuse | None:
        settings = self._settings()
        if self.taken >= settings.most:
            return self._overloaded(f"this worker carries {self.taken} requests, and may carry no more")
        if self.taken >= settings.least and self._lasting_lag() * 1000 > settings.loop_lag_ms:
            return self._overloaded(f"this worker does not keep up with the {self.taken} requests that it carries")
        return None

    def _overloaded(self, reason: str) -> Refuse:
        self.shed += 1
        return Refuse("front.places", reason, _CURE, 503, "overloaded", param=None, retry_after=1.0)

    def status(self) -> dict[str, Any]:
        return {"requests": self.taken, "most": self._settings().most, "shed": self.shed}
