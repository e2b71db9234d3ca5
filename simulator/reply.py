"""Heads and plain replies as bytes."""

import http
from collections.abc import Mapping
from email.utils import formatdate

from simulator.connection import Connection, Request
from simulator.wire import compact

JSON = "application/json"


def head(status: int, headers: Mapping[str, str], length: int | None, keep_alive: bool) -> bytes:
    """A response head; without a length the body is chunked."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    lines = [
        f"HTTP/1.1 {status} {_phrase(status)}",
        f"date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in headers.items()),
        framing,
        f"connection: {'keep-alive' if keep_alive else 'close'}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def send(request: Request, connection: Connection, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """A whole reply at once."""
    connection.write(head(status, headers, len(body), request.keep_alive) + body)
    connection.done()


def send_json(
    request: Request, connection: Connection, status: int, data: object, headers: Mapping[str, str] | None = None
) -> None:
    send(request, connection, status, {"content-type": JSON, **(headers or {})}, compact(data) + b"\n")


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
