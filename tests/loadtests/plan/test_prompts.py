"""Own prompts in the forms that people have them in, and recorded traffic in its own rhythm."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from loadtests.plan import recorded
from loadtests.plan.asking import Chooser, question
from loadtests.plan.prompts import made_up, parse
from loadtests.plan.scenario import Ask, Compare, Scenario, Stage

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def scenario(*asks: Ask) -> Scenario:
    return Scenario(purpose="x", asks=list(asks), stages=[Stage(name="one", seconds=1, users=1)])


def test_every_form_of_a_prompt_becomes_messages() -> None:
    rows = [
        {"prompt": "Hello", "max_tokens": 9},
        {"messages": [{"role": "user", "content": "Hi"}], "tools": [TOOL]},
        {"conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "Hi"}]},
    ]
    prompts, flaws = parse("\n".join(map(json.dumps, rows)))

    assert flaws == []
    assert [len(each.messages) for each in prompts] == [1, 1, 2]
    assert (prompts[0].max_tokens, prompts[1].more) == (9, {"tools": [TOOL]})
    assert prompts[2].messages[0] == {"role": "system", "content": "Be brief."}


def test_a_conversation_is_asked_turn_by_turn_with_the_answers_it_was_written_with() -> None:
    turns = [("human", "a"), ("gpt", "b"), ("human", "c"), ("gpt", "d")]
    prompts, _ = parse(json.dumps({"conversations": [{"from": who, "value": text} for who, text in turns]}))

    assert [[each["content"] for each in prompt.messages] for prompt in prompts] == [["a"], ["a", "b", "c"]]


def test_a_conversation_that_the_model_opens_is_asked_from_the_first_word_of_its_user_on() -> None:
    turns = [("gpt", "Hello."), ("human", "a"), ("gpt", "b")]
    prompts, _ = parse(json.dumps({"conversations": [{"from": who, "value": text} for who, text in turns]}))

    assert [[each["content"] for each in prompt.messages] for prompt in prompts] == [["Hello.", "a"]]


def test_made_up_prompts_have_their_size_and_are_never_the_same() -> None:
    prompts = [made_up(500, number, seed=1) for number in range(50)]
    starts = {prompt.messages[0]["content"][:24] for prompt in prompts}

    assert len(starts) == 50
    assert all(450 < len(prompt.messages[0]["content"]) / 4 < 550 for prompt in prompts)
    assert made_up(500, 3, seed=1) == prompts[3] != made_up(500, 3, seed=1, run="another")
    assert [len(made_up(tokens, 1, 1).messages[0]["content"]) for tokens in (100, 100_000)] == [400, 400_000]


def test_asks_come_by_their_weight_and_the_same_seed_asks_the_same() -> None:
    asked = scenario(Ask(model="chat", weight=3), Ask(model="voice", weight=1))

    def models(process: int) -> list[str]:
        chooser = Chooser(asked, {}, process)
        return [chooser.next().model for _ in range(400)]

    assert models(0) == models(0) != models(1)
    assert Counter(models(0))["chat"] == pytest.approx(300, abs=40)


def test_a_body_asks_for_usage_and_a_bound_unless_the_ask_says_otherwise() -> None:
    streamed = question(Ask(model="chat", max_tokens=7), made_up(10, 1, 1)).body
    plain = question(Ask(model="chat", stream=False, parameters={"max_tokens": 5}), made_up(10, 1, 1)).body

    assert (streamed["stream"], streamed["stream_options"]) == (True, {"include_usage": True})
    assert (streamed["max_completion_tokens"], plain["max_tokens"]) == (7, 5)
    assert not {"stream", "max_completion_tokens"} & plain.keys()


def test_the_provider_itself_is_asked_the_same_by_its_own_name() -> None:
    asked = question(Ask(model="chat"), made_up(10, 1, 1))
    direct = asked.to(Compare(model="gpt-oss-120b"))

    assert (direct.model, direct.body["model"], direct.expect) == ("chat", "gpt-oss-120b", ("gpt-oss-120b",))
    assert direct.body["messages"] == asked.body["messages"]


def finished(time: str, total_ms: float, model: str = "chat", completion: int | None = 50) -> bytes:
    row = {
        "event": "request.finished",
        "time": time,
        "total_ms": total_ms,
        "model_asked": model,
        "prompt_tokens": 20,
        "completion_tokens": completion,
        "stream": True,
    }
    return json.dumps(row).encode()


def test_recorded_traffic_has_the_rhythm_in_which_it_came_not_in_which_it_ended() -> None:
    log = [
        b"INFO: something else",
        finished("2026-11-20T12:00:05.000+00:00", 1000, "voice"),
        finished("2026-11-20T12:00:06.000+00:00", 4000),
        finished("2026-11-20T12:00:07.000+00:00", 10, completion=None),  # refused: nothing to ask again
        b'{"event": "request.finished", "time": "half',
    ]

    assert [(each.at, each.model, each.completion_tokens) for each in recorded.read(log)] == [
        (0.0, "chat", 50),
        (2.0, "voice", 50),
    ]
