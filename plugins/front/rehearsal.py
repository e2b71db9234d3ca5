"""The first request through LiteLLM, made by ourselves: it pays for what LiteLLM imports when it is first asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import orjson

from plugins.config.reload import PolicyStore
from plugins.front import lane
from plugins.front.asgi import App, Message, Scope
from plugins.front.clock import Clock
from plugins.policy.access import MASTER_CLIENT
from plugins.policy.engine import Ask, Decision, decide
from plugins.policy.targets import CEREBRAS, Deployed
from plugins.telemetry.record import Record, current

NAME = "rehearsal"
PATH = "/v1/chat/completions"
READINESS = "/health/readiness"  # asked first, its imports would stop every stream for half a second
OUR_PROVIDERS = frozenset({CEREBRAS, "openai"})  # those that LiteLLM calls through our transport, whatever its row says


class RehearsalError(Exception):
    """LiteLLM did not answer as it should."""


class Rehearsal:
    """Goes where a client's request goes, behind the front: our login, LiteLLM's router, our gate, our transport."""

    def __init__(
        self, store: PolicyStore, deployed: Deployed, clock: Clock, cover: Callable[[Record], None], nonce: str
    ) -> None:
        self._store = store
        self._deployed = deployed
        self._clock = clock
        self._cover = cover  # has the record's calls answered without a provider
        self._nonce = nonce

    async def __call__(self, app: App) -> bool:
        """Whether there was a chat to rehearse."""
        await app(_scope("GET", READINESS, 0), _Script(b""), _Audience())
        decision = self._decision()
        if decision is None:
            return False
        record = Record(NAME, self._clock.monotonic(), self._store.current, PATH, client=NAME, decision=decision)
        record.stream = True
        self._cover(record)
        token = current.set(record)
        try:
            heard = _Audience()
            body = orjson.dumps(lane.for_litellm(_ask_of(decision, self._nonce), decision))
            await app(_scope("POST", PATH, len(body)), _Script(body), heard)
        finally:
            current.reset(token)
        if heard.status != 200 or b"[DONE]" not in heard.body:
            raise RehearsalError(f"LiteLLM answered {heard.status}: {heard.body[:200].decode(errors='replace')}")
        return True

    def _decision(self) -> Decision | None:
        """One that a client could have had, but for targets that our transport would not see called."""
        policies, today = self._store.current, self._clock.today
        for model in self._deployed.models:
            decision = decide(policies, self._deployed, Ask(model, True, MASTER_CLIENT, today))
            targets = tuple(target for target in decision.targets if target.provider in OUR_PROVIDERS)
            if decision.refusal is None and targets and targets[0] == decision.targets[0]:
                return replace(decision, targets=targets)
        return None


def _ask_of(decision: Decision, nonce: str) -> dict[str, object]:
    """Where the operator has LiteLLM keep answers, this one must never be a client's: it is not to be kept, and it
    answers what nobody else will ask. Nor need the operator's loggers hear of it."""
    messages = [{"role": "user", "content": f"Rehearsal {nonce}: count to two."}]
    unkept = {"cache": {"no-cache": True, "no-store": True}, "no-log": True}
    return {"model": decision.ask.model, "stream": True, "messages": messages, **unkept}


def _scope(method: str, path: str, length: int) -> Scope:
    headers = [
        (b"host", b"127.0.0.1"),
        (b"authorization", f"Bearer {NAME}".encode()),  # the login looks at the record alone
        (b"content-type", b"application/json"),
        (b"content-length", str(length).encode()),
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }


class _Script:
    """The `receive` of a client that has said everything and waits."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        if self._body is None:
            await asyncio.get_running_loop().create_future()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Audience:
    """The `send` of a client that remembers what it got."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.body += message.get("body", b"")
