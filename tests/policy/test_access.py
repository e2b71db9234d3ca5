"""Access: who is calling, and what that client may ask for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.policy.access import MASTER_CLIENT, AccessFile, Client, client_named, decide, digest, duplicates, identify
from plugins.policy.verdict import Allow, Refuse
from tests.policy.cases import TODAY, day

MASTER_DIGEST = digest("sk-master")


def client_row(name: str, key: str, *models: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "key_sha256": digest(key), "models": list(models) or ["*"], **more}


FILE = AccessFile.model_validate(
    {
        "clients": [
            client_row("app", "sk-app", "chat", "gpt-oss-120b"),
            client_row("trial", "sk-trial", "*", expires="2026-11-20"),
            client_row("last", "sk-last"),
        ],
        "exceptions": [{"client": "app", "models": ["voice"], "until": "2026-12-01", "reason": "the pilot"}],
    }
)


@pytest.mark.parametrize(("key", "name"), [("sk-master", "master"), ("sk-app", "app"), ("sk-last", "last")])
def test_a_client_is_known_by_its_key(key: str, name: str) -> None:
    client = identify(FILE, MASTER_DIGEST, key, TODAY)

    assert isinstance(client, Client)
    assert name == client.name


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "no API key was sent"),
        ("", "no API key was sent"),
        ("sk-wrong", "the API key is not known here"),
        ("sk-app ", "the API key is not known here"),
        ("SK-APP", "the API key is not known here"),
        ("\udcff\x00é", "the API key is not known here"),
        (MASTER_DIGEST, "the API key is not known here"),
        (digest("sk-app"), "the API key is not known here"),
    ],
)
def test_any_other_key_is_a_401_that_does_not_repeat_it(key: str | None, reason: str) -> None:
    refusal = identify(FILE, MASTER_DIGEST, key, TODAY)

    assert isinstance(refusal, Refuse)
    assert (401, "invalid_api_key", None, reason) == (refusal.status, refusal.code, refusal.param, refusal.reason)
    assert not key or key not in refusal.message


def test_without_a_master_key_nobody_is_the_master() -> None:
    assert isinstance(identify(FILE, None, "sk-master", TODAY), Refuse)
    assert isinstance(identify(AccessFile(), None, digest(""), TODAY), Refuse)


@pytest.mark.parametrize(("today", "works"), [("2026-11-20", True), ("2026-11-21", False)])
def test_a_key_works_through_its_last_day(today: str, works: bool) -> None:
    found = identify(FILE, MASTER_DIGEST, "sk-trial", day(today))

    assert works == isinstance(found, Client)
    if isinstance(found, Refuse):
        assert found.reason == "the key of 'trial' expired on 2026-11-20"


@given(st.text(min_size=1))
def test_no_guess_is_let_in(key: str) -> None:
    known = {"sk-master", "sk-app", "sk-trial", "sk-last"}

    assert (key in known) == isinstance(identify(FILE, MASTER_DIGEST, key, TODAY), Client)


@pytest.mark.parametrize(
    ("name", "asked", "rule"),
    [
        ("master", "anything", "access.models"),
        ("last", "anything", "access.models"),
        ("app", "chat", "access.models"),
        ("app", "voice", "access.exception"),
        ("app", "CHAT", None),
        ("app", "qwen-3.8-27b", None),
    ],
)
def test_a_client_may_ask_for_what_its_row_and_its_exceptions_name(name: str, asked: str, rule: str | None) -> None:
    client = client_named(FILE, name)
    assert client is not None

    verdict = decide(FILE, client, asked, TODAY)

    if rule:
        assert isinstance(verdict, Allow)
        assert rule == verdict.rule
    else:
        assert isinstance(verdict, Refuse)
        assert (verdict.status, verdict.code) == (403, "model_not_allowed")
        assert "it may use chat, gpt-oss-120b" in verdict.cure


def test_an_exception_is_over_on_the_day_after_its_last() -> None:
    client = client_named(FILE, "app")
    assert client is not None

    assert isinstance(decide(FILE, client, "voice", day("2026-12-01")), Allow)
    assert isinstance(decide(FILE, client, "voice", day("2026-12-02")), Refuse)


def test_clients_are_found_by_name_and_the_master_is_always_there() -> None:
    assert MASTER_CLIENT is client_named(AccessFile(), "master")
    assert None is client_named(FILE, "nobody")


def test_rows_that_repeat_a_name_or_a_key_are_found() -> None:
    rows = AccessFile.model_validate(
        {"clients": [client_row("a", "1"), client_row("a", "2"), client_row("b", "2"), client_row("c", "3")]}
    ).clients

    assert duplicates(rows) == [(1, "name"), (2, "key_sha256")]
