"""How a target stands: its circuit, what its rate limits leave of it, how many of our requests it carries. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugins.circuit.allowance import Allowance, Reservation
from plugins.circuit.facts import Permit, Rejected, State, Why
from plugins.circuit.machine import Circuit
from plugins.policy.circuits import CircuitsFile
from plugins.policy.size import Size

# Looking a member up on its class is slow before Python 3.12.
_FORCED_CLOSED = State.FORCED_CLOSED
FULL_SECONDS = 1.0  # answers end all the time


class Standing:
    """What is asked before a target is called, in this order, and told of what became of the call."""

    def __init__(self, circuit: Circuit, allowance: Allowance, settings: Callable[[], CircuitsFile]) -> None:
        self.circuit = circuit
        self.allowance = allowance
        self.in_flight = 0
        self._settings = settings
        self._turned_at = circuit.turned_at

    @property
    def settings(self) -> CircuitsFile:
        """Those of this target."""
        return self._settings()

    def rejection(self, now: float, size: Size | None, *, last_resort: bool = False) -> Rejected | None:
        """Why it is not to be called, if it is not; nothing is taken by asking."""
        return self.circuit.rejection(now, last_resort=last_resort) or self._room(now, size)

    def _room(self, now: float, size: Size | None) -> Rejected | None:
        if self.circuit.state is _FORCED_CLOSED:
            return None
        if self.in_flight >= self._settings().in_flight.most_per_target:
            return Rejected(FULL_SECONDS, Why.FULL)
        if self.circuit.turned_at != self._turned_at:  # at another replica
            self._heed_hand()
        return self.allowance.rejection(size, now)

    def may_call(self, now: float, size: Size | None, *, last_resort: bool = False) -> Permit | Rejected:
        room = self._room(now, size)
        if room is not None:
            return self.circuit.rejection(now, last_resort=last_resort) or room
        return self.circuit.may_call(now, last_resort=last_resort)

    def called(self, size: Size | None, now: float) -> Reservation:
        """Every place taken is given back, by `ended`."""
        self.in_flight += 1
        return self.allowance.reserve(size, now)

    def ended(self) -> None:
        self.in_flight -= 1

    def force(self, state: State | None, now: float) -> None:
        self.circuit.force(state, now)
        self._heed_hand()

    def _heed_hand(self) -> None:
        """Whoever turns it wants all of it to be found out anew."""
        self._turned_at = self.circuit.turned_at
        self.allowance.forget()

    def snapshot(self, now: float) -> dict[str, Any]:
        return {
            **self.circuit.snapshot(now),
            "in_flight": self.in_flight,
            "allowance": self.allowance.snapshot(now),
        }
