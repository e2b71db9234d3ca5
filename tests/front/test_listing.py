"""/v1/models: what this client would be served today."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.front.listing import listing, one
from plugins.policy.access import MASTER_CLIENT, Client
from plugins.policy.verdict import Refuse
from tests.policy.cases import DEPLOYED, SHIPPED, TODAY, day, deployed, policies, shipped_targets, target


def names(client: Client = MASTER_CLIENT, over: Any = DEPLOYED) -> list[str]:
    return [row["id"] for row in listing(SHIPPED, over, client, TODAY)["data"]]


def test_workloads_come_first_and_then_the_models() -> None:
    assert names() == ["voice", "chat", "reasoning", "long-context", "classify", "gpt-oss-120b", "qwen-3.8-27b"]


def test_a_client_sees_its_own() -> None:
    assert names(Client("app", frozenset({"voice", "gpt-oss-120b", "llama3.1-8b"}))) == ["voice", "gpt-oss-120b"]


def test_what_has_no_key_is_not_listed() -> None:
    assert names(over=shipped_targets({})) == []


def test_a_model_is_listed_until_the_day_it_is_refused() -> None:
    over = deployed(target("llama3.1-8b"))

    def on(text: str) -> list[str]:
        return [row["id"] for row in listing(SHIPPED, over, MASTER_CLIENT, day(text))["data"]]

    assert on("2026-05-22") == ["llama3.1-8b"]
    assert on("2026-05-23") == []


def test_a_row_is_openais_with_the_purpose_of_a_workload() -> None:
    rows = {row["id"]: row for row in listing(SHIPPED, DEPLOYED, MASTER_CLIENT, TODAY)["data"]}

    assert rows["gpt-oss-120b"] == {
        "id": "gpt-oss-120b",
        "object": "model",
        "created": 1754352000,
        "owned_by": "Cerebras",
    }
    assert (
        rows["chat"]["owned_by"],
        rows["chat"]["description"],
    ) == ("waferline", "Written conversation, read as it appears.")


@pytest.mark.parametrize("name", ["chat", "gpt-oss-120b"])
def test_one_model_is_the_row_it_has_in_the_list(name: str) -> None:
    rows = listing(SHIPPED, DEPLOYED, MASTER_CLIENT, TODAY)["data"]

    assert one(SHIPPED, DEPLOYED, MASTER_CLIENT, TODAY, name) in rows


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("llama3.1-8b", "model_retired"),
        ("gpt-5", "model_not_found"),
        ("", "model_not_found"),
        ("x" * 60_000, "model_not_found"),
    ],
)
def test_one_model_that_is_not_served_says_why(name: str, code: str) -> None:
    found = one(SHIPPED, DEPLOYED, MASTER_CLIENT, TODAY, name)

    assert isinstance(found, Refuse)
    assert code == found.code
    assert len(found.message) < 400


def test_the_owner_of_a_name_of_our_own_is_us() -> None:
    rows = listing(policies(), deployed(target("fast", "openai")), MASTER_CLIENT, TODAY)["data"]

    assert rows[0]["owned_by"] == "waferline"
