"""Whether the fault that is turned on hits this request."""

import random
from dataclasses import dataclass, field

from simulator.knobs import Knobs


@dataclass(slots=True)
class Luck:
    """Counts per origin: the knobs of the process are one origin, each different directive is another."""

    chance: random.Random
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def hits(self, origin: str, knobs: Knobs, now: float) -> bool:
        if knobs.fault == "none":
            return False
        count, since = self._seen.get(origin, (0, now))
        self._seen[origin] = (count + 1, since)
        if knobs.fault_for is not None and count >= knobs.fault_for:
            return False
        if knobs.fault_seconds is not None and now - since >= knobs.fault_seconds:
            return False
        return self.chance.random() < knobs.fault_share

    def start_again(self, seed: int, now: float) -> None:
        """Knobs were turned: counts begin anew, and so does the time of the process's own fault."""
        self.chance = random.Random(seed)
        self._seen = {"": (0, now)}
