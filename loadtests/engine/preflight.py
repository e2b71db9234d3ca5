"""One look at a target before it is loaded: a wrong address or key is a mistake of ours, not a promise it misses."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from loadtests.measure.request import USER_AGENT
from loadtests.plan.job import Place

PATIENCE_SECONDS = 10.0


def trouble(place: Place, environment: Mapping[str, str]) -> str | None:
    """A sentence with the cure. Whatever else it answers to a list of models, it is there."""
    key = environment.get(place.key_variable or "")
    headers = {"user-agent": USER_AGENT, **({"authorization": f"Bearer {key}"} if key else {})}
    request = Request(f"{place.url}/models", headers=headers)  # noqa: S310  made by address_of, which knows HTTP only
    try:
        with urlopen(request, timeout=PATIENCE_SECONDS):  # noqa: S310
            return None
    except HTTPError as error:
        if error.code not in (401, 403):
            return None
        said = f"the key in {place.key_variable} is not accepted" if key else "it wants a key"
        return f"{place.url} says {error.code}, {said}: export the right one, or name its variable by --key-variable"
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        return f"{place.url} cannot be reached ({reason}): start it, or give its right address"
