"""The rehearsal: what goes through LiteLLM, and under which decision."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from plugins.front.asgi import Receive, Scope, Send
from plugins.front.clock import Clock
from plugins.front.rehearsal import Rehearsal, RehearsalError
from plugins.policy.targets import Deployed
from plugins.telemetry.record import Record, current
from tests.policy.cases import DEPLOYED, SHIPPED, deployed, shipped_targets, target

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class LiteLLM:
    """Answers, and remembers what it was asked and by whom."""

    def __init__(self, status: int = 200, body: bytes = b"data: [DONE]\n\n") -> None:
        self.status = status
        self.body = body
        self.asked: list[Any] = []
        self.records: list[Record | None] = []
        self.probed: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            self.probed.append(scope["path"])
            return
        self.asked.append(orjson.loads((await receive())["body"]))
        self.records.append(current.get())
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


def rehearsal(over: Deployed, covered: list[Record]) -> Rehearsal:
    store: Any = SimpleNamespace(current=SHIPPED)
    return Rehearsal(store, over, Clock(lambda: 1.0, lambda: NOON), covered.append, "7f3a")


async def test_it_asks_as_a_client_would_under_a_record_that_a_stand_in_covers() -> None:
    inner, covered = LiteLLM(), list[Record]()

    assert await rehearsal(DEPLOYED, covered)(inner) is True

    (asked,) = inner.asked
    assert (asked["model"], asked["stream"], asked["no-log"]) == ("gpt-oss-120b", True, True)
    assert inner.records == covered
    assert covered[0].decision is not None
    assert covered[0].client == "rehearsal"


async def test_the_first_look_at_its_readiness_is_rehearsed_too() -> None:
    inner = LiteLLM()

    await rehearsal(deployed(), [])(inner)

    assert inner.probed == ["/health/readiness"]


async def test_its_answer_can_never_be_taken_for_a_clients() -> None:
    """An operator's cache once gave the canned answer to whoever asked the same."""
    inner = LiteLLM()

    await rehearsal(DEPLOYED, [])(inner)

    (asked,) = inner.asked
    assert asked["cache"] == {"no-cache": True, "no-store": True}
    assert "7f3a" in asked["messages"][0]["content"]


async def test_nothing_of_it_is_left_for_whoever_comes_next() -> None:
    await rehearsal(DEPLOYED, [])(LiteLLM())

    assert current.get() is None


@pytest.mark.parametrize(
    "over",
    [
        deployed(),
        shipped_targets({}),
        deployed(target("gpt-oss-120b", "anthropic", "claude")),
        deployed(target("gpt-oss-120b", "anthropic", "claude"), target("gpt-oss-120b", order=2)),
    ],
    ids=["nothing", "nothing configured", "only LiteLLM speaks to it", "LiteLLM would call another first"],
)
async def test_what_our_transport_would_not_see_is_not_rehearsed(over: Deployed) -> None:
    inner = LiteLLM()

    assert await rehearsal(over, [])(inner) is False
    assert inner.asked == []


async def test_targets_past_our_transport_are_not_in_its_decision() -> None:
    covered: list[Record] = []
    over = deployed(target("gpt-oss-120b"), target("gpt-oss-120b", "anthropic", "claude", order=2))

    await rehearsal(over, covered)(LiteLLM())

    decision = covered[0].decision
    assert decision is not None
    assert [each.provider for each in decision.targets] == ["cerebras"]


@pytest.mark.parametrize("inner", [LiteLLM(500, b"oh"), LiteLLM(200, b"data: half\n\n")], ids=["refused", "half"])
async def test_an_answer_that_is_not_whole_fails_it(inner: LiteLLM) -> None:
    with pytest.raises(RehearsalError, match=f"LiteLLM answered {inner.status}: "):
        await rehearsal(DEPLOYED, [])(inner)
