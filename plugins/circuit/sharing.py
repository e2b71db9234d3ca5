"""The circuits of a process as part of a fleet: what it tells the others, and what it adopts of theirs. Pure.

Every change of a circuit is proposed on top of the last agreement, the epoch, that it knew; a proposal on top of an
older one is late and comes to nothing. So what is decided here holds at once, and gives way to what was agreed first.
"""

from __future__ import annotations

from hashlib import sha256

from plugins.circuit.board import Board, Called
from plugins.circuit.facts import Origin, State
from plugins.circuit.machine import Circuit
from plugins.state.store import PROBED, Answer, Change, Known, Told

PATIENCE_SECONDS = 0.5  # a lease is kept at least for so long, and twice as long each time it was of no use
MOST_UNUSED = 8
SAME_GATE_SECONDS = 0.05
SAME_HAND_SECONDS = 0.3  # an answer takes its time, so one act is seen at two
_NEVER = float("-inf")


def named(called: Called) -> str:
    """A target's name in the store, from which no address or key can be read."""
    return sha256("\0".join(called).encode()).hexdigest()[:32]


class Share:
    """One circuit's part."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._epoch = 0
        self._agreed = (0, 0)  # as it begins
        self._agreed_hand = _NEVER
        self._is_own = False  # opened for a reason that may be ours alone, so nothing of it is agreed
        self._gates = (0.0, 0.0)  # as the store knows them
        self._wanted = False
        self._unused = 0
        self._idle_since = 0.0  # the lease
        self._told = Told()
        self._told_mark = circuit.mark
        self._told_hand = _NEVER

    def tell(self, now: float) -> Told:
        circuit = self._circuit
        change = self._change()
        opens, ejections, successes = circuit.standing
        asks, gives = self._lease(now)
        full, misconfigured = self._news_of_gates(now)
        self._told_mark, self._told_hand = circuit.mark, circuit.turned_at
        self._told = Told(
            epoch=0 if self._is_own and change is Change.NONE else self._epoch,
            change=change,
            state=str(circuit.state),
            open_ms=_ms(opens - now) if circuit.state is State.OPEN else 0,
            ejections=ejections,
            successes=successes,
            hand_ms=_ms(now - circuit.turned_at) if circuit.turned_at > _NEVER else -1,
            full_ms=full,
            misconfigured_ms=misconfigured,
            asks=int(asks),
            gives=int(gives),
            missed=int(circuit.missed),
        )
        circuit.missed = False
        return self._told

    def _change(self) -> Change:
        circuit = self._circuit
        if circuit.turned_at > self._agreed_hand:
            self._is_own = False
            return Change.BY_HAND
        if circuit.mark == self._agreed:
            return Change.NONE
        if circuit.state is State.OPEN:
            self._is_own = circuit.opened_by is not Origin.PROVIDER
            if circuit.opened_by is Origin.PATH:
                return Change.SUSPECTED
        elif self._is_own and circuit.state is State.CLOSED:
            self._is_own, self._agreed = False, circuit.mark
            return Change.NONE
        return Change.NONE if self._is_own else Change.MADE

    def _lease(self, now: float) -> tuple[bool, bool]:
        """Whether we ask for it, and whether we give it back; neither while a probe runs."""
        circuit = self._circuit
        held = circuit.leave is not None and now < circuit.leave
        if not held or circuit.is_probing(now):
            self._idle_since = now
        if circuit.state not in PROBED or circuit.is_probing(now):
            return False, False
        patience = PATIENCE_SECONDS * 2.0 ** min(self._unused, MOST_UNUSED)
        gives = held and (self._is_own or (self._wanted and now - self._idle_since >= patience))
        if gives:  # before the store hears of it, for from then on another may have it
            circuit.leave = _NEVER
        return not gives and not self._is_own, gives

    def _news_of_gates(self, now: float) -> tuple[int, int]:
        found = (self._circuit.full_for_all, self._circuit.misconfigured_for_all)
        full, misconfigured = (
            _ms(until - now) if until > max(now, known + SAME_GATE_SECONDS) else 0
            for until, known in zip(found, self._gates, strict=True)
        )
        return full, misconfigured

    def hear(self, known: Known, me: str, sent: float, now: float, *, probe_seconds: float) -> None:
        """`sent`: when we told. The store answered later, so a lease that is counted from then ends in time.

        `probe_seconds`: what a probe takes at most, for which the lease has to last when it begins.
        """
        circuit = self._circuit
        if known.epoch > self._epoch and circuit.turned_at <= self._told_hand:  # or an operator was quicker
            self._agree(known, me, now)
        gates = known.full_ms / 1000, known.misconfigured_ms / 1000
        self._gates = now + gates[0], now + gates[1]
        circuit.hear_of_gates(*gates, now)
        circuit.holder = known.holder
        self._wanted, self._unused = bool(known.wanted), known.unused
        if self._is_own:
            circuit.leave = None
        else:
            seconds = known.lease_ms / 1000
            begun_by = sent + max(seconds - probe_seconds, seconds / 2)
            circuit.leave = begun_by if known.holder == me else _NEVER

    def _agree(self, known: Known, me: str, now: float) -> None:
        circuit, told = self._circuit, self._told
        self._epoch, self._is_own = known.epoch, False
        if known.by == me and (known.state, known.successes) == (told.state, told.successes):
            self._agreed, self._agreed_hand = self._told_mark, self._told_hand
            return
        turned_at = now - known.hand_ms / 1000 if known.hand_ms >= 0 else _NEVER
        by_hand = turned_at if turned_at > circuit.turned_at + SAME_HAND_SECONDS else None
        circuit.adopt(
            State(known.state), known.open_ms / 1000, known.ejections, known.successes, now, turned_at=by_hand
        )
        self._agreed, self._agreed_hand = circuit.mark, circuit.turned_at

    def alone(self) -> None:
        self._circuit.leave, self._circuit.holder = None, ""


class Fleet:
    """All circuits of a process."""

    def __init__(self, board: Board, replica: str) -> None:
        self._board = board
        self.replica = replica
        self._shares: dict[str, Share] = {}

    def tell(self, now: float) -> dict[str, Told]:
        for called, circuit in self._board.circuits.items():
            name = named(called)
            if name not in self._shares:
                self._shares[name] = Share(circuit)
        return {name: share.tell(now) for name, share in self._shares.items()}

    def hear(self, answer: Answer, sent: float, now: float) -> None:
        probe_seconds = self._board.settings.probe.first_token_seconds
        for name, known in answer.known.items():
            self._shares[name].hear(known, self.replica, sent, now, probe_seconds=probe_seconds)

    def alone(self) -> None:
        """The store is out of reach, so each circuit decides by itself."""
        for share in self._shares.values():
            share.alone()

    def parting(self, now: float) -> dict[str, Told]:
        """What is left to say at the end: leases that nobody here needs any more."""
        return {name: told._replace(asks=0, gives=1) for name, told in self.tell(now).items()}


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
