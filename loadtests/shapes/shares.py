"""Which part of an open loop each process sends. Only the master knows how many there are, and who comes or goes."""

from __future__ import annotations

from typing import Any

MESSAGE = "waferline_part"


class Shares:
    """Told every second: who has just come hears it, and by the quickest message how far the run is."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._run = 0

    def begin(self) -> None:
        self._run += 1

    def tell(self, at: float) -> int:
        """How many processes send. `at` is where the run is by now."""
        workers = self._workers()
        for index, worker in enumerate(workers):
            told = {"run": self._run, "index": index, "of": len(workers), "at": at}
            self._runner.send_message(MESSAGE, told, worker)
        return len(workers)

    def _workers(self) -> list[str | None]:
        clients = getattr(self._runner, "clients", None)
        if clients is None:
            return [None]  # it is its own only worker
        return sorted(each.id for each in (*clients.ready, *clients.spawning, *clients.running))
