"""The door: which paths there are, and how a request body gets in. Everything not named here is not there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any
from uuid import uuid4

import orjson

from plugins.front.asgi import Receive, Scope
from plugins.policy.limits import Limits
from plugins.policy.verdict import Refuse
from plugins.upstream.eager import Done, started

BODY_SECONDS = 10
MOST_CONTAINERS = 200_000  # brackets within texts count as well; looking at a million would stop every stream
_LENGTH = re.compile(r"[0-9]{1,18}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Endpoint(Enum):
    CHAT = auto()
    MODELS = auto()
    MODEL = auto()
    WARMING = auto()
    HEALTH = auto()
    READINESS = auto()
    DRAIN = auto()
    STATUS = auto()
    CIRCUITS = auto()
    FORCE = auto()


# LiteLLM answers more than 700 paths, many of them without a key. These are the ones that lead somewhere.
PATHS: dict[str, tuple[str, Endpoint]] = {
    "/v1/chat/completions": ("POST", Endpoint.CHAT),
    "/chat/completions": ("POST", Endpoint.CHAT),
    "/v1/models": ("GET", Endpoint.MODELS),
    "/models": ("GET", Endpoint.MODELS),
    "/v1/tcp_warming": ("GET", Endpoint.WARMING),
    "/health/liveliness": ("GET", Endpoint.HEALTH),
    "/health/liveness": ("GET", Endpoint.HEALTH),
    "/health/readiness": ("GET", Endpoint.READINESS),
    "/health/drain": ("GET", Endpoint.DRAIN),  # ends the service of whoever calls it, so it needs the master key
    "/waferline/status": ("GET", Endpoint.STATUS),
    "/waferline/circuits": ("GET", Endpoint.CIRCUITS),
    "/waferline/circuits/force": ("POST", Endpoint.FORCE),
}
PROBES = frozenset({Endpoint.HEALTH, Endpoint.READINESS})
MODEL_PREFIXES = ("/v1/models/", "/models/")


def endpoint_of(method: str, path: str) -> Endpoint | Refuse:
    wanted, endpoint = PATHS.get(path, ("GET", None))
    if endpoint is None and path.startswith(MODEL_PREFIXES):
        endpoint = Endpoint.MODEL
    if endpoint is None:
        if path.startswith(("/v1/v1/", "/v1/chat/completions/")):
            reason = f"{path[:80]!r} is not served here"
            cure = "the base URL ends in /v1 for OpenAI's SDK, and without it for Cerebras'"
            return Refuse("front.path", reason, cure, 404, "unknown_path", param=None)
        cure = "served are POST /v1/chat/completions, GET /v1/models and GET /health/readiness"
        return Refuse("front.path", f"{path[:80]!r} is not served here", cure, 404, "unknown_path", param=None)
    if method != wanted and not (endpoint in PROBES and method == "HEAD"):
        reason = f"{method} is not served on {path[:80]!r}"
        return Refuse("front.method", reason, f"use {wanted}", 405, "method_not_allowed", param=None)
    return endpoint


def header(scope: Scope, name: bytes) -> str | None:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def request_id(scope: Scope) -> str:
    """The client's own, where it is fit to be logged and sent back."""
    given = header(scope, b"x-request-id")
    return given if given and _REQUEST_ID.fullmatch(given) else f"wl-{uuid4().hex}"


def bearer(scope: Scope) -> str | None:
    value = header(scope, b"authorization") or ""
    scheme, _, key = value.partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


async def read_json(scope: Scope, receive: Receive, limits: Limits) -> dict[str, Any] | Refuse:
    raw = await _read(scope, receive, int(limits.body_megabytes * 2**20))
    if isinstance(raw, Refuse):
        return raw
    containers = raw.count(b"[") + raw.count(b"{")
    if containers > MOST_CONTAINERS:
        return _refuse(400, "too_many_parts", "the body has too many lists and objects", "send less in one request")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _refuse(400, "invalid_json", f"the body is not valid JSON, {error}", "send one JSON object in UTF-8")
    if not isinstance(body, dict):
        return _refuse(400, "invalid_json", "the body is not a JSON object", 'send {"model": ..., "messages": [...]}')
    if containers > limits.depth and _deeper_than(body, limits.depth):
        return _refuse(400, "too_deep", f"the body is nested more than {limits.depth} deep", "flatten it")
    return body


async def _read(scope: Scope, receive: Receive, most: int) -> bytes | Refuse:
    refusal = _announced(scope, most)
    if refusal:
        return refusal
    reading = started(_collected(receive, most))
    body: bytes | Refuse
    try:
        if isinstance(reading, Done):
            body = reading.value
        else:
            async with asyncio.timeout(BODY_SECONDS):
                body = await reading
    except TimeoutError:
        return _refuse(408, "body_too_slow", f"the body took longer than {BODY_SECONDS} s", "send it again")
    return body


async def _collected(receive: Receive, most: int) -> bytes | Refuse:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return _refuse(400, "incomplete_body", "the client left before the body was complete", "send it again")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return _too_large(most)
        if not message.get("more_body"):
            return b"".join(parts)


def _announced(scope: Scope, most: int) -> Refuse | None:
    """What the headers alone give away."""
    if header(scope, b"content-encoding") not in (None, "identity"):
        return _refuse(415, "unsupported_encoding", "the body is compressed", "send it without Content-Encoding")
    length = header(scope, b"content-length") or "0"
    if not _LENGTH.fullmatch(length):
        return _refuse(400, "invalid_length", "Content-Length is not a number", "send the body's size in bytes")
    return _too_large(most) if int(length) > most else None


def _too_large(most: int) -> Refuse:
    return _refuse(413, "body_too_large", f"the body is larger than {most / 2**20:g} MB", "send less in one request")


def _deeper_than(value: dict[str, Any], most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _refuse(status: int, code: str, reason: str, cure: str) -> Refuse:
    return Refuse("front.body", reason, cure, status, code, param=None)
