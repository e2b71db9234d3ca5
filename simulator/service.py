"""Which request gets which reply."""

import random
import time
from urllib.parse import parse_qs

from simulator import admin, catalog, refusals, reply
from simulator.chat import Chat, speak_as
from simulator.connection import Connection, Request
from simulator.door import Persona, bearer, let_in, live
from simulator.knobs import Knobs
from simulator.ledger import Entry, Ledger
from simulator.limiter import Limiter
from simulator.luck import Luck
from simulator.refusals import Refusal
from simulator.wheel import Wheel

CHAT = "/v1/chat/completions"


class Service:
    def __init__(self, persona: Persona, knobs: Knobs, wheel: Wheel) -> None:
        now = time.monotonic()
        self.persona: Persona = persona
        self.first_knobs: Knobs = knobs
        self.knobs: Knobs = knobs
        self.ledger: Ledger = Ledger(now)
        self.connections: set[Connection] = set()
        self._limiter = Limiter()
        self._luck = Luck(random.Random(knobs.seed))
        self._luck.start_again(knobs.seed, now)
        self._chat = Chat(persona, wheel, self.ledger, self._limiter, self._luck)

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)
        self.ledger.connections += 1
        self.ledger.open_connections += 1

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.ledger.open_connections -= 1

    def turn_to(self, knobs: Knobs) -> None:
        """New knobs for requests from now on. Buckets fill and faults count from here."""
        self.knobs = knobs
        self._limiter.forget()
        self._luck.start_again(knobs.seed, time.monotonic())

    def answer(self, request: Request, connection: Connection) -> None:
        if request.path.startswith(admin.PREFIX):
            admin.answer(self, request, connection)
            return
        entry = self.ledger.open(connection.id, request.method, request.path, request.headers, request.at)
        if request.path == CHAT and request.method == "POST":
            self._chat.answer(request, connection, entry, self.knobs)
        elif self.knobs.fault == "refuse":  # as a closed port does, whatever is asked of it
            self.ledger.close(entry, "refuse", 0, time.monotonic())
            connection.reset()
        elif request.path == "/v1/tcp_warming" and self.persona == "cerebras":
            self._warm(request, connection, entry)
        else:
            status, data = self._look_up(request)
            self._send(request, connection, entry, status, data)

    def _look_up(self, request: Request) -> tuple[int, object]:
        path = request.path.rstrip("/")
        if path == CHAT:
            return self._said(refusals.NOT_ALLOWED)
        if path.startswith("/public/v1/models") and self.persona == "cerebras":
            return self._public(path.removeprefix("/public/v1/models").lstrip("/"), request.query)
        if not path.startswith("/v1/models"):
            return self._said(refusals.NOT_FOUND)
        if not let_in(bearer(request.headers), self.knobs):
            return self._said(refusals.WRONG_KEY)
        return self._models(path.removeprefix("/v1/models").lstrip("/"))

    def _models(self, name: str) -> tuple[int, object]:
        names = self._listed()
        if not name:
            return 200, {"object": "list", "data": [catalog.listing(each) for each in names]}
        return (200, catalog.listing(name)) if name in names else self._said(refusals.no_model(name))

    def _public(self, name: str, query: str) -> tuple[int, object]:
        form = parse_qs(query).get("format", ["default"])[0]
        names = self._listed()
        if name and name not in names:
            return 404, {"detail": f"Model '{name}' not found or not publicly available"}
        describe = catalog.open_router if form == "openrouter" else catalog.metadata
        return 200, describe(name) if name else {"object": "list", "data": [describe(each) for each in names]}

    def _listed(self) -> tuple[str, ...]:
        names = live(self.persona, self.knobs)
        return names + tuple(name for name in self.knobs.unlisted if name not in names)

    def _said(self, refusal: Refusal) -> tuple[int, object]:
        return refusal.status, speak_as(self.persona, self.knobs).refused(refusal)

    def _warm(self, request: Request, connection: Connection, entry: Entry) -> None:
        if self.knobs.warming_hangs:
            self.ledger.close(entry, "hang", 0, time.monotonic())
        elif let_in(bearer(request.headers), self.knobs):
            self._send(request, connection, entry, self.knobs.warming_status, {"status": "ok"})
        else:
            self._send(request, connection, entry, *self._said(refusals.WRONG_KEY))

    def _send(self, request: Request, connection: Connection, entry: Entry, status: int, data: object) -> None:
        entry.status = status
        headers = speak_as(self.persona, self.knobs).headers(None)
        reply.send_json(request, connection, status, data, headers)
        self.ledger.close(entry, "whole" if status < 400 else "refused", 0, time.monotonic())
