"""Cerebras: strict about what it is sent, so that a body other providers shrug at is a 400 here."""

from __future__ import annotations

from typing import Any

from plugins.dialect import openai
from plugins.dialect.openai import Body
from plugins.policy.catalog import Row

_EFFORTS = ("none", "minimal", "low", "medium", "high")


def shape(body: Body, upstream_model: str, row: Row | None, *, stream: bool) -> Body:
    shaped = openai.shape(body, upstream_model, stream=stream, history=_history)
    if row and row.capabilities.single_system_message:
        shaped["messages"] = _one_system_message(shaped["messages"])
    if "max_tokens" in shaped:  # deprecated by Cerebras; the new name is accepted everywhere
        older = shaped.pop("max_tokens")
        if shaped.get("max_completion_tokens") is None:
            shaped["max_completion_tokens"] = older
    fit_effort(shaped, row)
    return shaped


def _history(message: Body) -> Body:
    """Clients send an answer back as they got it. `reasoning_content` is then a 400; `reasoning` is accepted."""
    kept = openai.without_reasoning(message)
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    if reasoning and isinstance(reasoning, str) and message.get("role") == "assistant":
        kept["reasoning"] = reasoning
    return kept


def _one_system_message(messages: list[Body]) -> list[Body]:
    texts = [_text_of(each.get("content")) for each in messages if each.get("role") == "system"]
    if len(texts) < 2 or None in texts:
        return messages
    merged = {"role": "system", "content": "\n\n".join(text for text in texts if text)}
    return [merged, *(each for each in messages if each.get("role") != "system")]


def _text_of(content: Any) -> str | None:
    """A text, or a list of text parts as one; None for anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "\n\n".join(texts) if len(texts) == len(content) else None


def fit_effort(shaped: Body, row: Row | None) -> None:
    """A workload's effort meets models with different scales: take the nearest that this model knows, upwards first."""
    asked: Any = shaped.get("reasoning_effort")
    if row is None or asked not in _EFFORTS:
        return
    refused = set(row.capabilities.efforts_refused or ())
    known = set(row.capabilities.efforts or _EFFORTS) - refused
    if asked in known:
        return
    place = _EFFORTS.index(asked)
    nearest = next((each for each in (*_EFFORTS[place:], *reversed(_EFFORTS[:place])) if each in known), None)
    if nearest:
        shaped["reasoning_effort"] = nearest
    else:
        shaped.pop("reasoning_effort")
