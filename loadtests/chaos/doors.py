"""Which gateway the next request goes to: in turn, past those that are not ready, as a load balancer does. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Door:
    port: int
    ready: bool = True
    leaving: bool = False  # whoever is about to end it has said so
    killed_at: list[float] = field(default_factory=list)

    def was_killed_between(self, began: float, ended: float) -> bool:
        return any(began <= each <= ended for each in self.killed_at)


class Doors:
    def __init__(self, ports: Sequence[int]) -> None:
        self.all = [Door(port) for port in ports]
        self._turn = 0

    def in_turn(self) -> list[Door]:
        """The door for this request, and those to try should it not open. Those that are not ready come last."""
        self._turn += 1
        order = [self.all[(self._turn + step) % len(self.all)] for step in range(len(self.all))]
        return sorted(order, key=lambda door: door.leaving or not door.ready)
