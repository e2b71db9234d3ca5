"""What goes wrong at simulated providers, on schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadtests.engine.provider import Provider
from loadtests.plan.scenario import Fault
from loadtests.record.sample import Mark, MarkKind


class Faults:
    def __init__(self, planned: Sequence[Fault], providers: Mapping[str, Provider]) -> None:
        self._ahead = sorted(planned, key=lambda fault: fault.at)
        self._on: list[tuple[Fault, float]] = []
        self._providers = providers
        self.marks: list[Mark] = []

    def turn(self, at: float) -> None:
        """What is over ends before what is due begins."""
        for fault, since in [each for each in self._on if at >= each[0].at + each[0].seconds]:
            self._on.remove((fault, since))
            self._end(fault, since, at)
        while self._ahead and at >= self._ahead[0].at:
            fault = self._ahead.pop(0)
            self._providers[fault.provider].turn(**fault.knobs)
            self._on.append((fault, at))

    def end(self, at: float) -> None:
        for fault, since in self._on:
            self._end(fault, since, at)
        self._on.clear()

    def _end(self, fault: Fault, since: float, at: float) -> None:
        self._providers[fault.provider].restore()
        what = ", ".join(f"{name} {value}" if name != "fault" else str(value) for name, value in fault.knobs.items())
        self.marks.append(Mark(kind=MarkKind.FAULT, what=what, at=since, until=at, target=fault.provider))
