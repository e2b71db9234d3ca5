"""An address and a body as they go over the wire. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

USER_AGENT = "waferline-load"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an OpenAI-compatible service listens; `path` is what stands before /chat/completions."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self._named}{self.path}"

    @property
    def _named(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def address_of(url: str) -> Address:
    """With or without /v1, as people write it. Raises ValueError when it is no address."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an address like https://gateway.example/v1")
    tls = parts.scheme == "https"
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return Address(parts.hostname, parts.port or (443 if tls else 80), path or "/v1", tls)


def post(address: Address, body: bytes, headers: Mapping[str, str]) -> bytes:
    told = {
        "content-type": "application/json",
        "accept": "text/event-stream",
        **headers,
        "content-length": str(len(body)),
    }
    return _head(f"POST {address.path}/chat/completions", address, told) + body


def get(address: Address, headers: Mapping[str, str]) -> bytes:
    """What warms a connection: it costs no tokens."""
    return _head(f"GET {address.path}/models", address, headers)


def _head(line: str, address: Address, headers: Mapping[str, str]) -> bytes:
    told = {"host": address._named, "user-agent": USER_AGENT, **headers}  # noqa: SLF001  the same module
    for name, value in told.items():
        if not value.isprintable():
            raise ValueError(f"the header {name} holds a character that no header may hold")
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{line} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
