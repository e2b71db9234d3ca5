"""Access: who is calling, and what that client may use. Only digests of keys are stored."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StringConstraints

from plugins.policy.limits import Limits
from plugins.policy.settings import Name, Settings, Waiver, waived
from plugins.policy.verdict import Allow, Refuse, Verdict, listed

MASTER = "master"
EVERYTHING = "*"

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ClientRow(Settings):
    """One client. `waferline key new NAME` makes the key and prints this row."""

    name: Name = Field(description="Shown in every log line.")
    key_sha256: Digest = Field(description="SHA-256 of the key, in hex; the key itself is stored nowhere.")
    models: list[Name | Literal["*"]] = Field(
        min_length=1, description="Models and workloads it may ask for; '*' is all."
    )
    expires: date | None = Field(None, description="The last day on which the key works (UTC).")


class AccessFile(Settings):
    """The clients, and the limits on what one request may carry. The master key may ask for everything."""

    clients: list[ClientRow] = Field(default_factory=list, description="Known clients.")
    limits: Limits = Field(default_factory=Limits, description="Bounds on one request.")
    exceptions: list[Waiver] = Field(
        default_factory=list, description="Models a client may ask for beyond its row, for a while."
    )

    _by_digest: dict[str, ClientRow] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002  pydantic passes it
        self._by_digest.update({row.key_sha256: row for row in reversed(self.clients)})

    def client_by_digest(self, digest: str) -> ClientRow | None:
        return self._by_digest.get(digest)


@dataclass(frozen=True, slots=True)
class Client:
    name: str
    models: frozenset[str]


MASTER_CLIENT = Client(MASTER, frozenset({EVERYTHING}))


def digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def identify(access: AccessFile, master_digest: str | None, key: str | None, today: date) -> Client | Refuse:
    """The client behind a key. Digests are looked up, so that who is asked about takes no longer than who is not."""
    if not key:
        return _bad_key("no API key was sent", "send it as 'Authorization: Bearer <key>'")
    sent = digest(key)
    client = MASTER_CLIENT if master_digest and hmac.compare_digest(sent, master_digest) else None
    row = access.client_by_digest(sent)
    if client:
        return client
    if row is None:
        return _bad_key(
            "the API key is not known here", "ask the operator for one, who makes it with `waferline key new NAME`"
        )
    if row.expires and today > row.expires:
        return _bad_key(f"the key of {row.name!r} expired on {row.expires}", "make a new one with `waferline key new`")
    return Client(row.name, frozenset(row.models))


def _bad_key(reason: str, cure: str) -> Refuse:
    return Refuse("access.key", reason, cure, 401, "invalid_api_key", param=None)


def client_named(access: AccessFile, name: str) -> Client | None:
    if name == MASTER:
        return MASTER_CLIENT
    rows = [row for row in access.clients if row.name == name]
    return Client(name, frozenset(rows[0].models)) if rows else None


def decide(access: AccessFile, client: Client, asked: str, today: date) -> Verdict:
    if EVERYTHING in client.models or asked in client.models:
        return Allow("access.models", f"{client.name!r} may use {asked!r}")
    waiver = waived(access.exceptions, client.name, (asked,), today)
    if waiver:
        return Allow("access.exception", f"{client.name!r} may use {asked!r} until {waiver.until} ({waiver.reason})")
    return Refuse(
        "access.models",
        f"{client.name!r} may not use {asked!r}",
        f"it may use {listed(client.models)}; the operator can add a model in policies/access.yaml",
        403,
        "model_not_allowed",
    )


def duplicates(rows: Sequence[ClientRow]) -> list[tuple[int, str]]:
    """Rows that repeat an earlier row's name or key, which would make one of the two unreachable."""
    seen: dict[str, int] = {}
    found = []
    for index, row in enumerate(rows):
        for what, value in (("name", row.name), ("key_sha256", row.key_sha256)):
            if value in seen:
                found.append((index, what))
            seen.setdefault(value, index)
    return found
