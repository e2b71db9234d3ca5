"""Which models live on which day, and what the public listing says of them.

Dates follow the provider's deprecation page, except gemma's: it stayed reachable for weeks after its effect date.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Model:
    id: str
    first: dt.date
    gone: dt.date | None = None
    context: int = 131_072
    max_output: int = 40_960
    reasoning: Literal["always", "optional", "never"] = "never"
    efforts: tuple[str, ...] = ("none", "low", "medium", "high")
    vision: bool = False
    prediction: bool = True
    tools_with_format: bool = True
    price: tuple[str, str] = ("0.00000010", "0.00000010")
    preview: bool = False
    # What GET /public/v1/models says, where it differs from the truth above.
    listed_limits: tuple[int, int] | None = None


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(
            "gpt-oss-120b",
            _day("2025-08-05"),
            reasoning="always",
            efforts=("low", "medium", "high"),
            tools_with_format=False,
            price=("0.00000035", "0.00000075"),
        ),
        Model(
            "qwen-3.8-27b",
            _day("2026-09-03"),
            context=128_000,
            max_output=40_000,
            reasoning="optional",
            vision=True,
            prediction=False,
            price=("0.00000099", "0.00000149"),
            listed_limits=(65_536, 32_768),  # the free trial's: the trap every price map fell into
        ),
        Model(
            "gemma-4-31b",
            _day("2026-06-29"),
            _day("2026-10-02"),
            vision=True,
            prediction=False,
            price=("0.00000099", "0.00000149"),
        ),
        Model(
            "zai-glm-4.7",
            _day("2026-01-07"),
            _day("2026-08-17"),
            reasoning="optional",
            price=("0.00000225", "0.00000275"),
            preview=True,
        ),
        Model("zai-glm-4.6", _day("2025-11-05"), _day("2026-01-20"), reasoning="optional"),
        Model("llama3.1-8b", _day("2024-08-27"), _day("2026-05-27"), 32_768, 8_192),
        Model("llama-3.3-70b", _day("2024-12-17"), _day("2026-02-16"), 128_000, 65_536),
        Model("qwen-3-32b", _day("2025-05-27"), _day("2026-02-16"), reasoning="optional"),
        Model("qwen-3-235b-a22b-instruct-2507", _day("2025-08-24"), _day("2026-05-27")),
        Model("qwen-3-235b-a22b-thinking-2507", _day("2025-08-01"), _day("2025-11-14"), reasoning="always"),
        Model("qwen-3-coder-480b", _day("2025-08-01"), _day("2025-11-05")),
        Model("llama-4-scout-17b-16e-instruct", _day("2025-05-27"), _day("2025-11-03")),
        Model("llama-4-maverick-17b-128e-instruct", _day("2025-05-27"), _day("2025-10-15")),
        Model("deepseek-r1-distill-llama-70b", _day("2025-02-15"), _day("2025-08-12"), reasoning="always"),
        Model("llama3.1-70b", _day("2024-08-27"), _day("2025-01-17"), 128_000, 8_192),
    )
}


def live_on(day: dt.date) -> tuple[str, ...]:
    return tuple(m.id for m in MODELS.values() if m.first <= day and (m.gone is None or day < m.gone))


def describe(name: str) -> Model:
    """A model by name; one named only by a knob gets plain limits."""
    return MODELS.get(name) or Model(name, _day("2026-01-01"))


def listing(name: str) -> dict[str, Any]:
    """An entry of GET /v1/models: the default fields and nothing more."""
    first = describe(name).first
    created = int(dt.datetime.combine(first, dt.time(), dt.UTC).timestamp())
    return {"id": name, "object": "model", "created": created, "owned_by": "Cerebras"}


def metadata(name: str) -> dict[str, Any]:
    """An entry of GET /public/v1/models. It says `deprecated`, and never when."""
    model = describe(name)
    context, output = model.listed_limits or (model.context, model.max_output)
    return {
        **listing(name),
        "name": name,
        "description": f"{name} at wafer speed",
        "hugging_face_id": None,
        "quantization": None,
        "deprecated": False,
        "preview": model.preview,
        "datacenter_locations": ["us-east-1"],
        "architecture": {
            "modality": "text+vision" if model.vision else "text",
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "capabilities": {
            "function_calling": True,
            "json_mode": True,
            "parallel_tool_calls": name != "gpt-oss-120b",
            "reasoning": model.reasoning != "never",
            "response_format": True,
            "streaming": True,
            "structured_outputs": True,
            "tool_choice": True,
            "tools": True,
            "vision": model.vision,
        },
        "limits": {"max_completion_tokens": output, "max_context_length": context},
        "pricing": {"prompt": model.price[0], "completion": model.price[1]},
        "supported_parameters": {
            "frequency_penalty": False,
            "logit_bias": False,
            "logprobs": True,
            "max_completion_tokens": True,
            "presence_penalty": False,
            "repetition_penalty": False,
            "seed": True,
            "stop": True,
            "temperature": True,
            "top_logprobs": True,
            "top_p": True,
        },
    }


def open_router(name: str) -> dict[str, Any]:
    """The same entry in the shape `?format=openrouter` asks for."""
    full = metadata(name)
    return {
        "id": f"cerebras/{name}",
        "name": name,
        "created": full["created"],
        "context_length": full["limits"]["max_context_length"],
        "max_output_length": full["limits"]["max_completion_tokens"],
        "pricing": full["pricing"],
        "quantization": None,
        "supported_features": ["tools", "json_mode", "structured_outputs"],
    }
