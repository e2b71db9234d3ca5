"""REDIS_URL: every form that is told of is read, and every other is refused in one sentence that holds no password."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.state.address import BadAddressError, Kind, StoreAddress, read

SECRET = "pa55word"
FORMS: dict[str, dict[str, Any]] = {
    "redis://here": {"hosts": (("here", 6379),)},
    "redis://here:7000/3": {"hosts": (("here", 7000),), "db": 3},
    f"redis://me:{SECRET}@here?db=2": {"hosts": (("here", 6379),), "username": "me", "password": SECRET, "db": 2},
    f"redis://:{SECRET}%40x@here": {"hosts": (("here", 6379),), "password": f"{SECRET}@x"},
    "rediss://here?ca_file=/etc/ca.pem": {"hosts": (("here", 6379),), "tls": True, "ca_file": "/etc/ca.pem"},
    "valkey://here": {"hosts": (("here", 6379),)},
    "valkeys://here": {"hosts": (("here", 6379),), "tls": True},
    "redis://[::1]:6380": {"hosts": (("::1", 6380),)},
    "unix:///run/redis.sock?db=1": {"path": "/run/redis.sock", "db": 1},
    "redis+sentinel://a,b:26380/main": {
        "kind": Kind.SENTINEL,
        "hosts": (("a", 26379), ("b", 26380)),
        "service": "main",
    },
    f"rediss+sentinel://u:{SECRET}@a/main/4?sentinel_password=other": {
        "kind": Kind.SENTINEL,
        "hosts": (("a", 26379),),
        "service": "main",
        "db": 4,
        "tls": True,
        "username": "u",
        "password": SECRET,
        "sentinel_password": "other",
    },
    "valkey+cluster://a:7000,b": {"kind": Kind.CLUSTER, "hosts": (("a", 7000), ("b", 6379))},
}


@pytest.mark.parametrize("url", FORMS)
def test_each_form_is_read(url: str) -> None:
    assert read(url) == StoreAddress(**{"kind": Kind.SINGLE, **FORMS[url]})


BAD = {
    "": "does not begin with a scheme that is known",
    "here:6379": "does not begin with a scheme that is known",
    f"http://:{SECRET}@here": "does not begin with a scheme that is known (was 'http://')",
    f"redis://:{SECRET}@": "names no host",
    f"redis://:{SECRET}@here:99999": "names no host, or one with a port that cannot be",
    f"redis://:{SECRET}@a,b": "names several hosts",
    f"redis://:{SECRET}@here/one": "has a database that is no number (was 'one')",
    f"redis://:{SECRET}@here/1/2": "has a path that is too long",
    f"redis://:{SECRET}@here?timeout=3": "has a parameter that is not known ('timeout'",
    "unix://run/redis.sock": "names no socket",
    f"redis+sentinel://:{SECRET}@a:26379": "does not name the service that the Sentinels watch",
    f"redis+cluster://:{SECRET}@a/1": "has a database, of which a Cluster knows only 0",
    f"redis://[:{SECRET}@here": "",
}


@pytest.mark.parametrize("url", BAD)
def test_anything_else_is_refused_with_its_cure_and_without_its_password(url: str) -> None:
    with pytest.raises(BadAddressError) as refused:
        read(url)

    assert str(refused.value).startswith(f"REDIS_URL {BAD[url]}")
    assert "; write it like redis://" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("url", FORMS)
def test_what_operators_see_of_it_holds_no_password(url: str) -> None:
    address = read(url)

    assert SECRET not in f"{address} {address!r}"
    assert read(str(address)).hosts == address.hosts
