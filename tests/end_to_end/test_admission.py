"""What is sent to a target before it would have to say no, and how much is carried at once; on both lanes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.end_to_end.test_circuits import FALLBACK, MODEL, PRIMARY, circuit, edited, line_of, served_by
from tests.support.gateway import Gateway
from tests.support.processes import eventually
from tests.support.provider import Provider

QWEN = "qwen-3.8-27b"
ANSWER = 500  # tokens, of which as many are asked for
LIMIT = 20_000  # tokens per minute; some forty such requests


@pytest.fixture
def providers(primary: Provider, fallback: Provider) -> tuple[Provider, Provider]:
    for each in (primary, fallback):
        each.set(tokens=ANSWER, reasoning_tokens=0, pace=1e6, first_token=0.05)
    return primary, fallback


def body(tokens: int | None = ANSWER, model: str = MODEL) -> dict[str, Any]:
    limit = {} if tokens is None else {"max_completion_tokens": tokens}
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}], **limit}


def ask(waferline: Gateway, tokens: int | None = ANSWER) -> httpx.Response:
    with waferline.client() as client:
        return client.post("/v1/chat/completions", json=body(tokens))


def load(waferline: Gateway, requests: int) -> list[httpx.Response]:
    """Twelve clients, one request after the other."""
    with waferline.client() as client, ThreadPoolExecutor(12) as pool:
        return list(pool.map(lambda _: client.post("/v1/chat/completions", json=body()), range(requests)))


def test_nearly_all_of_a_rate_limit_is_used_and_no_request_is_refused_for_it(
    waferline: Gateway, providers: tuple[Provider, Provider]
) -> None:
    primary, _ = providers
    primary.set(tpm=LIMIT)

    responses = load(waferline, 60)

    statuses = [each["status"] for each in primary.chats()]
    assert statuses.count(429) == 0
    assert statuses.count(200) * ANSWER >= 0.9 * LIMIT
    elsewhere = [each for each in responses if served_by(each) == FALLBACK]
    assert len(elsewhere) == 60 - statuses.count(200) > 0
    (skipped,) = line_of(waferline, elsewhere[0])["skipped"]
    assert (skipped["deployment"], skipped["why"]) == (PRIMARY, "allowance")
    assert 0 < skipped["seconds"] <= 60 * 2 * ANSWER / LIMIT
    known = {(each["of"], each["per"]): each for each in circuit(waferline)["allowance"]}
    assert known["tokens", "minute"]["limit"] == LIMIT
    assert known["tokens", "minute"]["left"] < 0.5 * LIMIT


def test_without_it_requests_are_refused(waferline: Gateway, providers: tuple[Provider, Provider]) -> None:
    """What the test above would look like, did it not heed what is left."""
    primary, _ = providers
    for heedless in edited(waferline, "heeded: true", "heeded: false"):
        primary.set(tpm=LIMIT)

        load(heedless, 60)

        assert [each["status"] for each in primary.chats()].count(429) > 0


def test_when_no_target_has_enough_left_the_client_hears_when_it_will(
    waferline: Gateway, providers: tuple[Provider, Provider]
) -> None:
    for each in providers:
        each.set(tpm=800)
    assert [served_by(ask(waferline)) for _ in range(2)] == [PRIMARY, FALLBACK]

    later, never = ask(waferline), ask(waferline, 5000)

    assert [len(each.chats()) for each in providers] == [1, 1]
    assert (later.status_code, later.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 12 <= int(later.headers["retry-after"]) <= 24  # some 250 tokens are missing, and 13 come back each second
    assert (never.status_code, never.json()["error"]["code"]) == (413, "too_many_tokens")
    assert "retry-after" not in never.headers
    assert [each["why"] for each in line_of(waferline, never)["skipped"]] == ["too_large"] * 2


BOUNDED = {
    "  most: 400": "  most: 4",
    "  most_per_target: 300": "  most_per_target: 2",
    "targets: {}": f"targets: {{{PRIMARY}: {{in_flight_most: 1}}}}",
}


@pytest.fixture
def bounded(waferline: Gateway) -> Iterator[Gateway]:
    """A gateway that carries four requests, two at a target, and one at the primary."""
    text = (waferline.policies / "circuits.yaml").read_text()
    section = text[text.index("in_flight:") :]
    changed = section
    for old, new in BOUNDED.items():
        assert old in changed
        changed = changed.replace(old, new)
    yield from edited(waferline, section, changed)


def carried(waferline: Gateway) -> tuple[int, int]:
    """Requests in this worker, and calls of all targets."""
    with waferline.client() as client:
        status = client.get("/waferline/status").json()
    return status["in_flight"]["requests"], sum(row["in_flight"] for row in status["circuits"])


def test_what_is_too_much_goes_to_the_next_target_or_is_shed_and_every_place_is_given_back(
    bounded: Gateway, providers: tuple[Provider, Provider]
) -> None:
    for each in providers:
        each.set(pace=20)
    with ExitStack() as open_streams:
        client = open_streams.enter_context(bounded.client())

        def begin(model: str = MODEL) -> str:
            stream = client.stream("POST", "/v1/chat/completions", json=body(model=model))
            return str(open_streams.enter_context(stream).headers["x-waferline-deployment"])

        begun = [begin() for _ in range(3)]
        full = ask(bounded)
        begun.append(begin(QWEN))
        shed = ask(bounded)

        assert begun == [PRIMARY, FALLBACK, FALLBACK, "cerebras/qwen-3.8-27b"]
        assert carried(bounded) == (4, 4)
        for refused in (full, shed):
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert refused.headers["retry-after"] == "1"
            assert line_of(bounded, refused)["outcome"] == "shed"
        assert [each["why"] for each in line_of(bounded, full)["skipped"]] == ["full", "full"]
        assert (line_of(bounded, shed)["skipped"], line_of(bounded, shed)["rule"]) == ([], "front.places")

    eventually(lambda: carried(bounded) == (0, 0), 5, "the return of the places of clients that left")
    for each in providers:
        each.set(pace=1e6, fault="none")
    assert served_by(ask(bounded)) == PRIMARY
    providers[0].set(fault="cut", after=3)
    assert "stream_interrupted" in ask(bounded).text
    providers[0].set(fault="503")
    assert served_by(ask(bounded)) == FALLBACK
    eventually(lambda: carried(bounded) == (0, 0), 5, "the return of all places")
