"""LiteLLM's idle work is left out once, and a cut that does not fit harms nobody."""

from __future__ import annotations

from plugins.front.asgi import Message, Receive, Scope, Send
from plugins.hooks.idle.app import UnfamiliarError, WithoutIdleWork
from tests.front.cases import Client, arriving, scope


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    message: Message = {"type": "http.response.start", "status": 200, "headers": []}
    await send(message)


async def test_every_cut_is_made_before_the_first_request_and_never_again() -> None:
    made: list[str] = []
    app = WithoutIdleWork(answering, {"a": lambda: made.append("a"), "b": lambda: made.append("b")}, lambda *_: None)

    await app({"type": "lifespan"}, arriving(), Client().send)
    assert made == [], "LiteLLM has not read its configuration yet"

    for _ in range(2):
        await app(scope(), arriving(), Client().send)
    assert made == ["a", "b"]


async def test_a_cut_that_does_not_fit_is_told_and_the_others_are_made() -> None:
    made: list[str] = []
    told: list[tuple[str, str]] = []

    def unfamiliar() -> None:
        raise UnfamiliarError("it has another name")

    def broken() -> None:
        raise AttributeError("gone")

    cuts = {"first": unfamiliar, "second": broken, "third": lambda: made.append("third")}
    app = WithoutIdleWork(answering, cuts, lambda *what: told.append(what))
    client = Client()

    await app(scope(), arriving(), client.send)

    assert made == ["third"]
    assert told == [("first", "it has another name"), ("second", "AttributeError('gone')")]
    assert client.status == 200
