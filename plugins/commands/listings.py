"""The provider's two listings: everybody's, with metadata and without a key, and the account's, with ids only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from cerebras.cloud.sdk import APIConnectionError, APIStatusError, Cerebras, CerebrasError
from pydantic import ValidationError

from plugins.commands.context import CannotError
from plugins.commands.drift import ACCOUNT, PUBLIC, Listings, Published

SECONDS = 10
_NO_LIST = "answered with something that is not a list of models; see CEREBRAS_API_BASE"


class _UnreadableError(Exception):
    """Why a listing could not be read, as the end of a sentence."""


def read(origin: str, key: str | None) -> Listings:
    """Whatever can be read of the two; the reason for what cannot."""
    _be_an_address(origin)
    sources: dict[str, Callable[[], Any]] = {PUBLIC: lambda: _public(origin)}
    if key:
        sources[ACCOUNT] = lambda: _account(origin, key)
    asked: dict[str, Mapping[str, Published]] = {}
    failures: list[str] = []
    for name, ask in sources.items():
        method, path = name.split()
        try:
            asked[name] = _models(ask())
        except _UnreadableError as error:
            failures.append(f"{method} {origin}{path} {error}")
    return Listings(asked, tuple(failures), keyless=key is None)


def _be_an_address(origin: str) -> None:
    try:
        parts = urlsplit(origin)
        fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        fits = False
    if not fits:
        raise CannotError(f"CEREBRAS_API_BASE {origin!r} is not an address; write it like https://api.cerebras.ai/v1")


def _models(rows: Any) -> Mapping[str, Published]:
    try:
        models = [Published.model_validate(row) for row in rows]
    except (ValidationError, TypeError) as error:
        raise _UnreadableError(_NO_LIST) from error
    return {model.id: model for model in models}


def _public(origin: str) -> Any:
    # Cloudflare turns away urllib's own name.
    request = Request(f"{origin}/public/v1/models", headers={"User-Agent": "waferline"})  # noqa: S310  http(s), as checked
    try:
        with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return json.load(answer)["data"]
    except HTTPError as error:
        error.close()
        raise _UnreadableError(f"answered {error.code}; see CEREBRAS_API_BASE") from error
    except URLError as error:
        raise _UnreadableError(_unreachable(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise _UnreadableError(_unreachable(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _UnreadableError(_NO_LIST) from error


def _account(origin: str, key: str) -> Any:
    try:
        with Cerebras(
            base_url=origin, api_key=key, warm_tcp_connection=False, max_retries=0, timeout=SECONDS
        ) as client:
            return [row.to_dict() for row in client.models.list().data]
    except APIStatusError as error:
        cure = "check CEREBRAS_API_KEY" if error.status_code in (401, 403) else "try again later"
        raise _UnreadableError(f"answered {error.status_code}; {cure}") from error
    except APIConnectionError as error:
        raise _UnreadableError(_unreachable(error.__cause__ or error)) from error
    except (CerebrasError, ValueError, AttributeError, TypeError) as error:
        raise _UnreadableError(_NO_LIST) from error


def _unreachable(reason: object) -> str:
    return f"cannot be reached ({str(reason) or type(reason).__name__}); see CEREBRAS_API_BASE"
