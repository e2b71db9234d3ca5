"""A client that sees bytes: what came, in which pieces, and how the connection ended."""

import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Literal

End = Literal["whole", "closed", "reset", "silence"]


@dataclass(slots=True)
class Heard:
    data: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    end: End = "silence"

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1]) if self.data else 0

    @property
    def headers(self) -> dict[str, str]:
        lines = self.data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def body(self) -> bytes:
        """The body without its chunk framing, as much of it as came."""
        rest = self.data.partition(b"\r\n\r\n")[2]
        return b"".join(chunks(rest)) if self.headers.get("transfer-encoding") == "chunked" else rest

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """Every data event; [DONE] and broken JSON as text."""
        blocks = self.body.replace(b"\r\n", b"\n").decode(errors="replace").split("\n\n")
        return [_parsed(block) for block in blocks if block.startswith("data:")]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        spoken = [event for event in self.events if isinstance(event, dict) and event.get("choices")]
        return [event["choices"][0]["delta"] for event in spoken]

    @property
    def text(self) -> str:
        return "".join(delta.get("content") or "" for delta in self.deltas)


def chunks(body: bytes) -> list[bytes]:
    found, at = [], 0
    while (line_end := body.find(b"\r\n", at)) > 0:
        size = int(body[at:line_end], 16)
        found.append(body[line_end + 2 : line_end + 2 + size])
        at = line_end + 2 + size + 2
    return found


def post(port: int, body: dict[str, Any] | bytes, headers: str = "", silence: float = 5.0) -> Heard:
    """A chat request on a connection of its own; `silence` seconds without a byte end the listening."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    key = "" if "authorization" in headers else "authorization: Bearer key-1234\r\n"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{key}{headers}content-length: {len(data)}\r\n\r\n"
    return talk(port, head.encode() + data, silence)


def get(port: int, path: str, key: str = "key-1234", method: str = "GET", body: bytes = b"") -> Heard:
    credentials = f"authorization: Bearer {key}\r\n" if key else ""
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\n{credentials}content-length: {len(body)}\r\n\r\n"
    return talk(port, head.encode() + body)


def talk(port: int, sent: bytes, silence: float = 5.0) -> Heard:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(sent)
        return listen(sock, silence)


def listen(sock: socket.socket, silence: float = 5.0) -> Heard:
    heard = Heard()
    sock.settimeout(silence)
    while not _is_whole(heard.data):
        try:
            piece = sock.recv(65536)
        except TimeoutError:
            return heard
        except ConnectionResetError:
            heard.end = "reset"
            return heard
        if not piece:
            heard.end = "closed"
            return heard
        heard.data += piece
        heard.pieces.append(piece)
        heard.at.append(time.monotonic())
    heard.end = "whole"
    return heard


def _is_whole(data: bytes) -> bool:
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        return False
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def _parsed(block: str) -> Any:
    text = "\n".join(line.removeprefix("data:").removeprefix(" ") for line in block.split("\n"))
    try:
        return json.loads(text)
    except ValueError:
        return text
