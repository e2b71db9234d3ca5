"""Where a callback of the operator's acts on what passes, all of an answer passes through LiteLLM."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.asking import ASK, ask, numbered
from tests.end_to_end.conftest import write_policies
from tests.support.gateway import Gateway, gateway
from tests.support.processes import ROOT, eventually
from tests.support.provider import Provider


@pytest.fixture(scope="module")
def acting(
    primary_process: Provider, fallback_process: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("acting")
    write_policies(directory / "policies", "express")
    shutil.copy(ROOT / "tests" / "support" / "acting.py", directory / "acting.py")
    config = directory / "litellm_config.yaml"
    shipped = (ROOT / "litellm_config.yaml").read_text()
    config.write_text(shipped.replace("[plugins.callbacks.gate]", "[plugins.callbacks.gate, acting.loud]"))
    bases = {"CEREBRAS_API_BASE": primary_process.base, "FALLBACK_API_BASE": fallback_process.base}
    environment = {**bases, "PYTHONPATH": str(ROOT)}
    with gateway(directory, directory / "policies", environment, "litellm", config) as running:
        yield running


@pytest.fixture(autouse=True)
def numbering(acting: Gateway, primary: Provider, fallback: Provider) -> None:
    acting.forget_failures()
    for each in (primary, fallback):
        each.set(text="numbered", tokens=60, reasoning_tokens=0)


def loud(count: int) -> list[str]:
    return [word.upper() for word in numbered(count)]


def test_what_the_callback_does_to_an_answer_reaches_the_client(acting: Gateway) -> None:
    with ask(acting) as stream:
        pass

    assert stream.headers["x-waferline-lane"] == "litellm"
    assert (stream.words, stream.finish_reasons, stream.done) == (loud(60), ["stop"], 1)


@pytest.mark.parametrize("knobs", [{"fault": "503"}, {"fault": "cut", "after": 0}, {"fault": "role_only"}], ids=str)
def test_the_next_target_takes_over_before_the_first_token(
    acting: Gateway, primary: Provider, knobs: dict[str, Any]
) -> None:
    primary.set(**knobs)

    with ask(acting) as stream:
        pass

    assert stream.headers["x-waferline-deployment"] == "fallback/gpt-oss-120b"
    assert (stream.words, stream.finish_reasons, stream.done) == (loud(60), ["stop"], 1)


@pytest.mark.parametrize("fault", ["cut", "stall", "error_event", "no_finish_but_done"])
def test_an_answer_that_breaks_later_is_visibly_broken(acting: Gateway, primary: Provider, fault: str) -> None:
    primary.set(fault=fault, after=20)

    with ask(acting) as stream:
        pass

    assert stream.words == loud(len(stream.words))
    assert (stream.finish_reasons, stream.done) == (["error"], 0)
    assert acting.event_of(stream.headers["x-request-id"])["outcome"] == "broken"


def test_an_atomic_answer_that_breaks_late_is_given_by_the_next_target(acting: Gateway, primary: Provider) -> None:
    primary.set(fault="cut_chunked", after=40)

    with ask(acting, model="classify") as stream:
        pass

    assert stream.headers["x-waferline-deployment"] == "fallback/gpt-oss-120b"
    assert (stream.words, stream.finish_reasons, stream.done) == (loud(60), ["stop"], 1)


def test_the_next_target_starts_beside_one_that_is_late(acting: Gateway, primary: Provider) -> None:
    primary.set(first_token=5)

    with ask(acting, model="reasoning") as stream:
        pass

    assert (stream.headers["x-waferline-attempts"], stream.headers["x-waferline-deployment"]) == (
        "2",
        "fallback/gpt-oss-120b",
    )
    assert "x-litellm-model-id" not in stream.headers, "it names whom LiteLLM had asked"
    assert (stream.words, stream.finish_reasons, stream.done) == (loud(60), ["stop"], 1)
    eventually(lambda: primary.chats()[0]["ended"], 5, "the end of the loser's work")


def test_an_answer_names_the_model_as_whoever_gave_it_does(acting: Gateway, primary: Provider) -> None:
    primary.set(fault="wrong_model")

    with ask(acting) as stream:
        pass

    assert {chunk["model"] for chunk in stream.chunks} == {"llama3.1-8b"}


def test_a_client_that_leaves_stops_the_provider(acting: Gateway, primary: Provider) -> None:
    primary.set(pace=20, tokens=2000)

    with acting.client() as client, client.stream("POST", "/v1/chat/completions", json=ASK) as response:
        next(response.iter_bytes())

    eventually(lambda: primary.chats()[0]["ended"] == "client_gone", 5, "the end of the provider's work")
