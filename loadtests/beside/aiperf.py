"""AIPerf, offline: our prompts, tokens as the provider counts them, a tokenizer that knows no word. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from loadtests.beside.tool import Order, Said, prompt

_FOLDER = "artifacts"
REPORT = f"{_FOLDER}/profile_export_aiperf.json"
_PROMPTS = "prompts.jsonl"
# It loads one even where the provider counts, and its own would be fetched. It must look like a path.
_TOKENIZER = "./tokenizer"
_WORDS: dict[str, object] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"},
}


def files(order: Order) -> dict[str, str]:
    return {
        _PROMPTS: "".join(f"{json.dumps({'text': prompt(each)})}\n" for each in range(order.requests)),
        f"{_TOKENIZER}/tokenizer.json": json.dumps(_WORDS),
        f"{_TOKENIZER}/tokenizer_config.json": json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}),
    }


def command(order: Order) -> list[str]:
    return [
        "profile",
        *("--url", order.origin),
        *("--model", order.model),
        *("--endpoint-type", "chat"),
        "--streaming",
        *("--concurrency", str(order.streams)),
        *("--concurrency-ramp-duration", str(order.ramp_seconds)),
        *("--request-count", str(order.requests)),
        *("--input-file", _PROMPTS),
        *("--custom-dataset-type", "single_turn"),
        *("--extra-inputs", f"max_completion_tokens:{order.tokens}"),
        *("--extra-inputs", "reasoning_effort:low"),
        *("--tokenizer", _TOKENIZER),
        "--use-server-token-count",
        *("--api-key", "simulated"),
        *("--artifact-dir", _FOLDER),
        *("--ui", "none"),
        "--no-gpu-telemetry",
        "--no-server-metrics",
    ]


def read(report: Mapping[str, Any]) -> Said:
    first = report["time_to_first_token"]
    return Said(
        version=f"AIPerf {report['aiperf_version']}",
        answers=int(report["request_count"]["avg"]),
        first_p50_ms=first["p50"],
        first_p99_ms=first["p99"],
        tokens_per_s=report["output_token_throughput_per_user"]["p50"],
    )
