"""A circuit as naively as one can be written: it keeps every call and looks through all of them each time."""

from __future__ import annotations


class Model:
    """With the settings of history.py, as figures."""

    def __init__(self) -> None:
        self.state = "closed"
        self.generation = 0
        self.leases = 0
        self.forget(0.0)

    def forget(self, now: float) -> None:
        self.calls: list[tuple[float, str]] = []
        self.seen: list[tuple[float, str | None, bool]] = []  # by whom, and whether it was served well
        self.in_a_row = 0
        self.ejections = 0
        self.closed_at = now
        self.open_until = self.full_until = self.misconfigured_until = float("-inf")
        self.unsaid = 0
        self.enter(None)

    def enter(self, state: str | None) -> None:
        if state:
            self.state = state
            self.generation += 1
        self.lease: tuple[int, float] | None = None
        self.successes = 0
        self.not_before = float("-inf")

    def recent(self, now: float, *kinds: str) -> int:
        def bucket(at: float) -> int:
            return int(at * 10 / 10)

        return sum(kind in kinds for at, kind in self.calls if bucket(now) - bucket(at) < 10)

    def rejects(self, now: float, last_resort: bool) -> tuple[str, float | None] | None:
        """The first of its reasons, with the time it lasts."""
        if self.state.startswith("forced"):
            return ("forced_open", None) if self.state == "forced_open" else None
        opens = min(self.open_until, self.not_before) if last_resort else self.open_until
        reasons = [
            ("misconfigured", self.misconfigured_until),
            ("capacity", self.full_until),
            ("open", opens if self.state == "open" else now),
            ("probing", self.lease[1] if self.lease else now),
        ]
        return next(((why, until - now) for why, until in reasons if now < until), None)

    def ask(self, now: float, last_resort: bool) -> tuple[int, int] | None:
        if self.rejects(now, last_resort):
            return None
        if self.state in ("closed", "forced_closed"):
            return self.generation, 0
        if self.state == "open" and now >= self.open_until:
            self.enter("half_open")
        self.leases += 1
        self.lease = (self.leases, now + 8)
        return self.generation, self.leases

    def hear(
        self,
        permit: tuple[int, int],
        result: str,
        wait: float | None,
        by_day: bool,
        now: float,
        luck: float,
        client: str | None,
    ) -> None:
        generation, probe = permit
        if generation != self.generation or self.state.startswith("forced"):
            return
        if probe:
            if self.lease is None or self.lease[0] != probe:
                return
            self.lease = None
        if result == "CAPACITY":
            self.be_full(wait, by_day, now, luck)
        elif result == "MISCONFIGURED":
            self.misconfigured_until = now + 60
        elif result != "NOTHING" and probe:
            self.probed(result, now, luck)
        elif result != "NOTHING":
            self.calls.append((now, result))
            self.seen.append((now, client, result == "SUCCESS"))
            self.in_a_row = self.in_a_row + 1 if result == "FAILURE" else 0
            if result != "FAILURE":
                self.unsaid = 0
            if result != "SUCCESS":
                self.judge(now, luck)

    def hear_of_break(self, permit: tuple[int, int], now: float, luck: float, client: str | None) -> None:
        if permit[0] != self.generation or self.state.startswith("forced"):
            return
        if permit[1]:
            self.open(now, luck)
        else:
            self.calls.append((now, "BROKE"))
            self.seen.append((now, client, False))
            self.judge(now, luck)

    def probed(self, result: str, now: float, luck: float) -> None:
        if result == "SUCCESS":
            if self.state == "open":
                self.enter("half_open")
            self.unsaid = 0
            self.successes += 1
            if self.successes == 2:
                self.ejections = max(0, self.ejections - 1)
                self.closed_at, self.calls, self.in_a_row, self.seen = now, [], 0, []
                self.enter("closed")
        elif self.state == "open":
            self.not_before = now + 1
        else:
            self.open(now, luck)

    def one_clients_own(self, now: float) -> bool:
        recent = [(client, well) for at, client, well in self.seen if at > now - 10]
        unwell = {client for client, well in recent if not well}
        return len(unwell) == 1 and None not in unwell and any(well and client not in unwell for client, well in recent)

    def judge(self, now: float, luck: float) -> None:
        if self.one_clients_own(now):
            return
        calls = self.recent(now, "SUCCESS", "SLOW", "FAILURE")
        bad = self.recent(now, "FAILURE", "BROKE")
        if self.in_a_row >= 4 or (calls >= 6 and (bad / calls >= 0.5 or self.recent(now, "SLOW") / calls >= 0.75)):
            self.open(now, luck)

    def open(self, now: float, luck: float) -> None:
        if self.state == "closed":
            self.ejections = max(0, self.ejections - int((now - self.closed_at) / 60))
        seconds = [5, 10, 20, 30][self.ejections]
        self.ejections += seconds < 30
        self.open_until = now + seconds * (1 + 0.2 * luck)
        self.enter("open")

    def be_full(self, wait: float | None, by_day: bool, now: float, luck: float) -> None:
        if wait is None:
            if now < self.full_until:
                return
            wait = [1, 2, 4, 8, 16, 30][min(self.unsaid, 5)]
            self.unsaid += 1
        else:
            wait = max(0.25, min(wait, 900 if by_day else 60))
        self.full_until = max(self.full_until, now + wait * (1 + 0.2 * luck))

    def force(self, state: str | None, now: float) -> None:
        self.forget(now)
        self.enter(state or "closed")
