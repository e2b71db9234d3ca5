"""A gateway that runs: what it says of itself, and what an operator should make of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from plugins.commands.context import CannotError
from plugins.commands.examined import Examined, State
from plugins.commands.page import counted

ABOUT = "gateway"
SECONDS = 5

_PARTS = {
    "litellm_import_ms": "LiteLLM's import",
    "wiring_ms": "our own",
    "litellm_start_ms": "LiteLLM's start",
    "warming_ms": "warming",
    "rehearsal_ms": "rehearsal",
    "settling_ms": "settling",
}


class SilentError(Exception):
    """Nobody answered, or not in a way that a gateway would."""


def here(environment: Mapping[str, str]) -> str:
    """Where `make run` puts one."""
    return f"http://127.0.0.1:{environment.get('PORT') or 4000}"


def ask(
    base: str, path: str, key: str | None = None, body: Mapping[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Past every proxy: what is asked for is this machine's, or the operator's own."""
    headers = {"User-Agent": "waferline", **({"Authorization": f"Bearer {key}"} if key else {})}
    try:
        sent = None if body is None else json.dumps(body).encode()
        request = Request(f"{base}{path}", data=sent, headers=headers)  # noqa: S310  http(s), as checked
        with build_opener(ProxyHandler({})).open(request, timeout=SECONDS) as answer:
            return answer.status, _object(answer.read())
    except HTTPError as error:
        with error:
            return error.code, _object(error.read())
    except (URLError, OSError, HTTPException, ValueError) as error:
        raise SilentError(str(getattr(error, "reason", error)) or type(error).__name__) from error


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def be_an_address(base: str) -> str:
    try:
        parts = urlsplit(base)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise CannotError(f"--gateway {base!r} is not an address; write it like http://127.0.0.1:4000")
    return base.rstrip("/").removesuffix("/v1")


def gateway(base: str, key: str | None, *, wanted: bool) -> Iterator[Examined]:
    """`wanted`: somebody named it, so that its absence is worth more than a note."""
    try:
        code, readiness = ask(base, "/health/readiness")
    except SilentError as error:
        state, cure = (State.BAD, "start it, or name another with --gateway") if wanted else (State.NOTE, "")
        yield Examined(ABOUT, "readiness", state, f"none at {base} ({error})", cure)
        return
    yield _readiness(base, code, readiness)
    if not key:
        yield Examined(ABOUT, "status", State.NOTE, "not asked, LITELLM_MASTER_KEY is not set")
        return
    try:
        code, status = ask(base, "/waferline/status", key)
    except SilentError as error:
        yield Examined(ABOUT, "status", State.BAD, f"no answer ({error})", "see its log")
        return
    if code in (401, 403):
        yield Examined(ABOUT, "status", State.BAD, f"answered {code}", "LITELLM_MASTER_KEY is not this gateway's")
    elif code != 200 or "version" not in status:
        yield Examined(ABOUT, "status", State.BAD, f"answered {code}, unlike Waferline", "check --gateway")
    else:
        yield from told(status)


def _readiness(base: str, code: int, readiness: Mapping[str, Any]) -> Examined:
    if code == 200:
        return Examined(ABOUT, "readiness", State.OK, f"{base} is ready")
    awaited = readiness.get("waiting_for")
    said = f"{base} answered {code}" + (f": {awaited}" if awaited else "")
    return Examined(ABOUT, "readiness", State.BAD, said, "wait a moment" if awaited else "see its log")


def told(status: Mapping[str, Any]) -> Iterator[Examined]:
    """What /waferline/status means."""
    yield from _policies(status)
    yield from _start(status.get("startup") or {})
    for host, warmth in (status.get("connections") or {}).items():
        yield _connection(host, warmth)
    yield from _sharing(status.get("sharing") or {})
    yield from _circuits(status.get("circuits") or ())
    missing = [row["deployment"] for row in status.get("targets") or () if row.get("missing")]
    if missing:
        said = f"{', '.join(missing)} {'lacks a variable' if len(missing) == 1 else 'lack variables'}"
        yield Examined(ABOUT, "targets", State.WARN, said, "set what is missing there, and start it anew")
    if status.get("telemetry_failures"):
        said = f"{counted(status['telemetry_failures'], 'event')} could not be written"
        yield Examined(ABOUT, "telemetry", State.WARN, said, "see its standard error")


def _circuits(rows: Iterable[Mapping[str, Any]]) -> Iterator[Examined]:
    away = [f"{row['target']} ({row['rejects'].replace('_', ' ')})" for row in rows if row.get("rejects")]
    if away:
        yield Examined(ABOUT, "circuits", State.WARN, f"not called: {', '.join(away)}", "see `waferline circuit list`")


def _sharing(sharing: Mapping[str, Any]) -> Iterator[Examined]:
    if not sharing.get("on"):
        return
    if sharing["in_reach"]:
        said = f"{counted(sharing['replicas'], 'replica')} over {sharing['store']}, for {sharing['seconds']:.0f} s"
        yield Examined(ABOUT, "sharing", State.OK, said)
    else:
        said = f"{sharing['store']} is out of reach ({sharing['why']}), so it decides for itself"
        yield Examined(ABOUT, "sharing", State.WARN, said, "see `store` above")


def _policies(status: Mapping[str, Any]) -> Iterator[Examined]:
    rejected = status.get("rejected")
    if rejected:
        said = f"{counted(len(rejected), 'problem')} kept a new set out, the first: {rejected[0]}"
        yield Examined(ABOUT, "policies", State.BAD, said, "mend it: it is read again by itself")
    else:
        yield Examined(ABOUT, "policies", State.OK, f"{status['policies']}, version {status['version']}")
    if status.get("restart_needed"):
        yield Examined(ABOUT, "policies", State.WARN, "litellm_config.yaml changed since the start", "start it anew")


def _start(startup: Mapping[str, Any]) -> Iterator[Examined]:
    parts = [f"{name} {startup[key] / 1000:.1f}" for key, name in _PARTS.items() if startup.get(key) is not None]
    if not parts:
        return
    total = startup.get("total_ms")
    said = f"{total / 1000:.1f} s: {', '.join(parts)}" if total is not None else f"in seconds: {', '.join(parts)}"
    failed = startup.get("failed")
    if failed:
        said = f"{' and '.join(failed)} failed; {said}"
        yield Examined(ABOUT, "start", State.WARN, said, "see its log for why", startup)
    else:
        yield Examined(ABOUT, "start", State.OK, said, figures=startup)


def _connection(host: str, warmth: Mapping[str, Any]) -> Examined:
    number = warmth.get("connections") or 0
    if warmth.get("error") and not number:
        return Examined(ABOUT, "connections", State.BAD, f"{host}: none ({warmth['error']})", "see `connection` above")
    if warmth.get("warm_ms") is None or warmth.get("cold_ms") is None:
        return Examined(ABOUT, "connections", State.NOTE, f"{host}: not warmed yet")
    said = f"{host}: {number} kept, {warmth['warm_ms']:.1f} ms warm, {warmth['cold_ms']:.1f} ms cold"
    if warmth.get("error"):
        return Examined(ABOUT, "connections", State.WARN, f"{said}; others: {warmth['error']}", "see whether it stays")
    return Examined(ABOUT, "connections", State.OK, said, figures=warmth)
