"""The front itself: every request enters here first, and every one leaves its line in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from plugins.front import circuits, guard, listing
from plugins.front.asgi import App, Receive, Scope, Send, encoded, send_json, send_refusal
from plugins.front.chat import chat
from plugins.front.gateway import Gateway
from plugins.front.guard import MODEL_PREFIXES, Endpoint
from plugins.front.headers import answer_headers
from plugins.policy.access import MASTER, Client, identify
from plugins.policy.verdict import Refuse
from plugins.telemetry.event import finished
from plugins.telemetry.loggers import Told
from plugins.telemetry.record import Outcome, Record, current

# Neither the outside world nor LiteLLM's log has any use for a line per probe.
_UNRECORDED = frozenset({Endpoint.WARMING})
_FOR_OPERATORS = frozenset({Endpoint.STATUS, Endpoint.DRAIN, Endpoint.CIRCUITS, Endpoint.FORCE})
_BUG = Refuse("front.bug", "the gateway failed", "try again", 500, "internal_error", param=None)
_ENDING = Refuse(
    "front.ending", "the gateway is shutting down", "try again", 503, "shutting_down", param=None, retry_after=1.0
)


class Front:
    """Wraps the whole LiteLLM application."""

    def __init__(self, app: App, gateway: Gateway, start: Callable[[], None]) -> None:
        self._app = app
        self._gateway = gateway
        self._start = start  # what needs a running loop, idempotent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            self._start()
            await self._serve(scope, receive, send)
        else:  # realtime sockets would be a way around every policy
            await send({"type": "websocket.close", "code": 1008, "reason": "not served here"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = guard.endpoint_of(scope["method"], scope["path"])
        if endpoint in guard.PROBES:
            await self._probed(endpoint, scope, receive, send)
            return
        clock = self._gateway.clock
        record = Record(guard.request_id(scope), clock.monotonic(), self._gateway.store.current, scope["path"])
        token = current.set(record)
        try:
            refusal = (
                endpoint if isinstance(endpoint, Refuse) else await self._answer(endpoint, record, scope, receive, send)
            )
            if refusal:
                record.refusal, record.status = refusal, refusal.status
                record.end(Outcome.REFUSED)
                await send_refusal(send, refusal, record.request_id, answer_headers(record))
        except asyncio.CancelledError:
            await self._apologise(record, send, _ENDING)
            raise
        except Exception:
            await self._apologise(record, send, _BUG)
            raise  # uvicorn logs it; nobody else can know what it means
        finally:
            current.reset(token)
            record.end(Outcome.WHOLE if record.status and record.status < 400 else Outcome.BROKEN)
            ended = clock.monotonic()
            told = Told(record, record.kept, ended, clock.utc()) if record.kept else None
            if endpoint not in _UNRECORDED or record.refusal:
                self._gateway.events(finished(record, ended, clock.wall))
            if told:  # the client has its answer, and its connection is free
                await self._gateway.loggers.tell(told)

    async def _probed(self, endpoint: Endpoint | Refuse, scope: Scope, receive: Receive, send: Send) -> None:
        """Nobody is sent here before the first request would be as fast as any other."""
        awaited = self._gateway.startup.sentence if endpoint is Endpoint.READINESS else None
        if awaited is None:
            await self._app(scope, receive, send)
        else:
            await send_json(send, 503, {"status": "starting", "waiting_for": awaited}, [(b"retry-after", b"1")])

    async def _apologise(self, record: Record, send: Send, refusal: Refuse) -> None:
        """What has not begun yet is still answered in a shape that clients understand."""
        record.end(Outcome.BROKEN)
        if record.status is None:
            record.refusal, record.status = refusal, refusal.status
            await send_refusal(send, refusal, record.request_id, answer_headers(record))

    async def _answer(
        self, endpoint: Endpoint, record: Record, scope: Scope, receive: Receive, send: Send
    ) -> Refuse | None:
        """The refusal to send, or None when the answer is already on its way."""
        gateway = self._gateway
        client = identify(record.policies.access, gateway.master_digest, guard.bearer(scope), gateway.clock.today)
        if isinstance(client, Refuse):
            return client
        record.client = client.name
        if endpoint is Endpoint.CHAT:
            return await chat(gateway, record, client, self._app, scope, receive, send)
        if endpoint in _FOR_OPERATORS and client.name != MASTER:
            return Refuse(
                "front.operator", "only operators may ask this", "use the master key", 403, "operator_only", param=None
            )
        if endpoint is Endpoint.DRAIN:
            record.status = 200
            await self._app(scope, receive, send)
            return None
        if endpoint is Endpoint.FORCE:
            found: object | Refuse = await circuits.force(gateway, scope, receive)
        else:
            found = self._look_up(endpoint, record, client, scope["path"])
        if isinstance(found, Refuse):
            return found
        record.status = 200
        await send_json(send, 200, found, encoded({"x-request-id": record.request_id}))
        return None

    def _look_up(self, endpoint: Endpoint, record: Record, client: Client, path: str) -> object | Refuse:
        gateway = self._gateway
        today = gateway.clock.today
        match endpoint:
            case Endpoint.MODELS:
                return listing.listing(record.policies, gateway.deployed, client, today)
            case Endpoint.MODEL:
                name = next(path.removeprefix(prefix) for prefix in MODEL_PREFIXES if path.startswith(prefix))
                return listing.one(record.policies, gateway.deployed, client, today, name)
            case Endpoint.CIRCUITS:
                return circuits.listed(gateway)
            case Endpoint.STATUS:
                return gateway.status()
            case _:
                return {"status": "warm"}
