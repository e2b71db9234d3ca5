"""Cerebras: strict about what it is sent, so that a body other providers shrug at is a 400 here."""

from __future__ import annotations

from typing import Any

from plugins.dialect import openai
from plugins.dialect.openai import Body
from plugins.policy.catalog import Row

_EFFORTS = ("none", "minimal", "low", "medium", "high")


def shape(body: Body, upstream_model: str, row: Row | None, *, stream: bool) -> Body:
    shaped = openai.shape(body, upstream_model, stream=stream)
    shaped["messages"] = [_history(each) for each in body["messages"]]
    if row and row.capabilities.single_system_message:
        shaped["messages"] = _one_system_message(shaped["messages"])
    if "max_tokens" in shaped:  # deprecated by Cerebras; the new name is accepted everywhere
        shaped.setdefault("max_completion_tokens", shaped.pop("max_tokens"))
        shaped.pop("max_tokens", None)
    _fit_effort(shaped, row)
    return shaped


def _history(message: Body) -> Body:
    """Clients send an answer back as they got it. `reasoning_content` is then a 400; `reasoning` is accepted."""
    kept = openai.without_reasoning(message)
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    if reasoning and message.get("role") == "assistant":
        kept["reasoning"] = reasoning
    return kept


def _one_system_message(messages: list[Body]) -> list[Body]:
    system = [each for each in messages if each.get("role") == "system" and isinstance(each.get("content"), str)]
    if len(system) < 2:
        return messages
    merged = {**system[0], "content": "\n\n".join(each["content"] for each in system)}
    return [merged, *(each for each in messages if each not in system)]


def _fit_effort(shaped: Body, row: Row | None) -> None:
    """A workload's effort meets models with different scales: take the nearest one above that this model knows."""
    asked: Any = shaped.get("reasoning_effort")
    if row is None or asked not in _EFFORTS:
        return
    refused = set(row.capabilities.efforts_refused or ())
    known = set(row.capabilities.efforts or _EFFORTS) - refused
    if asked in known:
        return
    above = [effort for effort in _EFFORTS[_EFFORTS.index(asked) :] if effort in known]
    if above:
        shaped["reasoning_effort"] = above[0]
    else:
        shaped.pop("reasoning_effort")
