"""What may stand in REDIS_URL, read without calling anybody. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

_SCHEME = re.compile(r"(redis|valkey)(s?)(?:\+(sentinel|cluster))?|(unix)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_KNOWN = frozenset({"db", "ca_file", "sentinel_username", "sentinel_password"})
_FORMS = (
    "write it like redis://user:password@host:6379/0 (rediss:// for TLS), unix:///path/to.sock, "
    "redis+sentinel://host-1:26379,host-2:26379/service/0 or redis+cluster://host-1:6379,host-2:6379"
)


class Kind(StrEnum):
    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class BadAddressError(ValueError):
    """One sentence with its cure. The URL itself is not in it, for it may hold a password."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"REDIS_URL {reason}; {_FORMS}")
        self.reason, self.cure = reason, _FORMS


@dataclass(frozen=True, slots=True)
class StoreAddress:
    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""  # of a socket on this machine
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0
    service: str = ""
    ca_file: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """As operators may see it."""
        if self.path:
            return f"unix://{self.path}"
        kind = "" if self.kind is Kind.SINGLE else f"+{self.kind}"
        named = ((f"[{host}]" if ":" in host else host, port) for host, port in self.hosts)
        hosts = ",".join(f"{host}:{port}" for host, port in named)
        service = f"/{self.service}" if self.service else ""
        return f"redis{'s' * self.tls}{kind}://{hosts}{service}"


def read(url: str) -> StoreAddress:
    scheme, _, rest = url.strip().partition("://")
    found = _SCHEME.fullmatch(scheme)
    if not rest or found is None:
        raise BadAddressError(
            f"does not begin with a scheme that is known (was {scheme[:20] + '://' if rest else 'none'!r})"
        )
    try:
        parts = urlsplit(f"x://{rest}", allow_fragments=False)
    except ValueError:  # a bracket that is never closed
        raise BadAddressError("names no host") from None
    more = _parameters(parts.query)
    who, _, where = parts.netloc.rpartition("@")
    username, _, password = who.partition(":")
    if found[4]:
        if where or not parts.path:
            raise BadAddressError("names no socket")
        kind, tls, path = Kind.SINGLE, False, unquote(parts.path)
        hosts: tuple[tuple[str, int], ...] = ()
    else:
        kind, tls = Kind(found[3] or "single"), bool(found[2])
        path, default = "", 26379 if kind is Kind.SENTINEL else 6379
        hosts = tuple(_host(each, default) for each in where.split(","))
    service, db = _place(kind, "" if path else parts.path, more.get("db"))
    if kind is Kind.SINGLE and len(hosts) > 1:
        raise BadAddressError("names several hosts, of which only Sentinel and Cluster know what to make")
    return StoreAddress(
        kind,
        hosts,
        path,
        tls,
        unquote(username) or None,
        unquote(password) or None,
        db,
        service,
        more.get("ca_file"),
        more.get("sentinel_username"),
        more.get("sentinel_password"),
    )


def _parameters(query: str) -> dict[str, str]:
    found = dict(parse_qsl(query, keep_blank_values=True))
    strange = sorted(set(found) - _KNOWN)
    if strange:
        raise BadAddressError(
            f"has a parameter that is not known ({strange[0][:30]!r}, known are {', '.join(sorted(_KNOWN))})"
        )
    return found


def _host(text: str, default: int) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = int(found[2] or default) if found else 0
    if found is None or not 0 < port < 65536:
        raise BadAddressError("names no host, or one with a port that cannot be")
    return found[1].strip("[]"), port


def _place(kind: Kind, path: str, db: str | None) -> tuple[str, int]:
    """The service that Sentinels watch, and the number of the database."""
    parts = [unquote(part) for part in path.strip("/").split("/") if part]
    service = ""
    if kind is Kind.SENTINEL:
        if not parts:
            raise BadAddressError("does not name the service that the Sentinels watch")
        service = parts.pop(0)
    if len(parts) > 1:
        raise BadAddressError("has a path that is too long")
    number = parts[0] if parts else db or "0"
    if not (number.isascii() and number.isdigit()):
        raise BadAddressError(f"has a database that is no number (was {number[:20]!r})")
    if kind is Kind.CLUSTER and int(number):
        raise BadAddressError("has a database, of which a Cluster knows only 0")
    return service, int(number)
