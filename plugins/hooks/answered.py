"""The answer of an express request as the object that LiteLLM's loggers are given."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import litellm
from litellm.types.utils import ModelResponse, Usage
from litellm.utils import convert_to_model_response_object

from plugins.telemetry.kept import completion
from plugins.telemetry.loggers import Told
from plugins.telemetry.record import Attempt

TRUNCATED = "waferline_truncated"  # in the hidden parameters of an answer that was too long to keep
_NOT_TOLD = frozenset("content-length content-encoding transfer-encoding connection set-cookie".split())


async def answered(told: Told, attempt: Attempt, base: str | None) -> Any:
    record = told.record
    found = await asyncio.to_thread(completion, told.kept, streamed=record.stream)
    if not found.get("choices"):
        found = {**found, "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}}]}
    for choice in found["choices"]:
        choice["finish_reason"] = choice.get("finish_reason") or "stop"  # LiteLLM's object knows no answer without one
    said = "".join(str(each["message"].get("content") or "") for each in found["choices"])
    usage = attempt.watch.usage or found.get("usage") or await _counted(told, attempt, found, said)
    return convert_to_model_response_object(
        response_object={**found, "usage": usage, "model": found.get("model") or attempt.target.upstream_model},
        model_response_object=ModelResponse(),
        hidden_params={
            "model_id": attempt.target.deployment,
            "api_base": base,
            "custom_llm_provider": attempt.target.provider,
            **({TRUNCATED: True} if told.kept.truncated else {}),
        },
        _response_headers={name: value for name, value in told.kept.headers.items() if name not in _NOT_TOLD},
    )


async def _counted(told: Told, attempt: Attempt, found: dict[str, Any], said: str) -> dict[str, Any]:
    """An answer that broke off comes without its counts. LiteLLM estimates them then, and so do we."""
    thought = "".join(str(each["message"].get("reasoning") or "") for each in found["choices"])
    model = attempt.target.upstream_model
    count = partial(litellm.token_counter, model=model)
    prompt = await asyncio.to_thread(count, messages=told.kept.body["messages"])
    spoken, thoughts = [
        await asyncio.to_thread(count, text=text, count_response_tokens=True) if text else 0 for text in (said, thought)
    ]
    output = spoken + thoughts
    counts = Usage(
        prompt_tokens=prompt, completion_tokens=output, total_tokens=prompt + output, reasoning_tokens=thoughts
    )
    return dict(counts.model_dump(exclude_none=True))
