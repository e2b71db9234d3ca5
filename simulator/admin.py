"""/simulator/...: knobs, the ledger and numbers of the running process. It needs no key; it stands on loopback."""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator import reply
from simulator.connection import Connection, Request
from simulator.knobs import KnobError, turn

if TYPE_CHECKING:
    from simulator.service import Service

PREFIX = "/simulator/"


def answer(service: "Service", request: Request, connection: Connection) -> None:
    try:
        status, data = _act(service, request)
    except KnobError as error:
        status, data = 400, {"error": str(error)}
    reply.send_json(request, connection, status, data)


def _act(service: "Service", request: Request) -> tuple[int, object]:
    act = _ACTS.get((request.method, request.path.removeprefix(PREFIX).rstrip("/")))
    if act is None:
        known = ", ".join(f"{method} {PREFIX}{name}" for method, name in _ACTS)
        return 404, {"error": f"no {request.method} {request.path} here, use one of {known}"}
    return 200, act(service, request)


def _turned(service: "Service", request: Request) -> dict[str, object]:
    service.turn_to(turn(service.knobs, _changes(request), "PUT /simulator/knobs"))
    return _knobs(service, request)


def _restored(service: "Service", request: Request) -> dict[str, object]:
    service.turn_to(service.first_knobs)
    return _knobs(service, request)


def _cleared(service: "Service", _: Request) -> list[dict[str, object]]:
    """What was there, so that whoever reads a long log in pieces misses none."""
    entries = service.ledger.entries()
    service.ledger.clear()
    return entries


def _broken_off(service: "Service", request: Request) -> dict[str, object]:
    """As when the provider's machine goes: every connection is reset, but for the one that asks."""
    others = [each for each in service.connections if each.id != request.connection]
    for each in others:
        each.reset()
    return {"reset": len(others)}


def _knobs(service: "Service", _: Request) -> dict[str, object]:
    return service.knobs.model_dump(mode="json")


def _stats(service: "Service", _: Request) -> dict[str, object]:
    waiting = sum(each.full for each in service.connections)
    return {**service.ledger.stats(time.monotonic()), "waiting_for_readers": waiting}


def _changes(request: Request) -> dict[str, object]:
    try:
        changes = json.loads(request.content())
    except ValueError:
        changes = None
    if not isinstance(changes, dict):
        raise KnobError('PUT /simulator/knobs: the body must be a JSON object, such as {"fault": "cut"}')
    return changes


_ACTS: dict[tuple[str, str], Callable[["Service", Request], object]] = {
    ("GET", "knobs"): _knobs,
    ("PUT", "knobs"): _turned,
    ("DELETE", "knobs"): _restored,
    ("GET", "requests"): lambda service, _: service.ledger.entries(),
    ("DELETE", "requests"): _cleared,
    ("GET", "stats"): _stats,
    ("DELETE", "connections"): _broken_off,
}
