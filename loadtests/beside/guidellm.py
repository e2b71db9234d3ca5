"""GuideLLM, offline: our prompts, tokens as the provider counts them, no look at the provider before. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from loadtests.beside.tool import Order, Said, prompt

REPORT = "report.json"
_PROMPTS = "prompts.jsonl"


def files(order: Order) -> dict[str, str]:
    return {_PROMPTS: "".join(f"{json.dumps({'prompt': prompt(each)})}\n" for each in range(order.requests))}


def command(order: Order) -> list[str]:
    backend = {
        "kind": "openai_http",
        "target": order.origin,
        "model": order.model,
        "api_key": "simulated",
        "max_tokens": order.tokens,
        "validate_backend": False,
        "extras": {"body": {"reasoning_effort": "low"}},
    }
    return [
        "run",
        "--disable-console",
        *("--backend", json.dumps(backend)),
        *("--profile", f"kind=concurrent,streams={order.streams},rampup_duration={order.ramp_seconds}"),
        *("--constraint", f"kind=max_requests,count={order.requests}"),
        *("--data", f"kind=json_file,path={_PROMPTS}"),
        *("--output", f"kind=json,path={REPORT}"),
    ]


def read(report: Mapping[str, Any]) -> Said:
    metrics = report["benchmarks"][0]["metrics"]
    first = metrics["time_to_first_token_ms"]["successful"]["percentiles"]
    # Of its two rates the one that leaves out the wait for the first token, as everybody else does.
    gap_ms = metrics["inter_token_latency_ms"]["successful"]["percentiles"]["p50"]
    return Said(
        version=f"GuideLLM {report['metadata']['guidellm_version']}",
        answers=metrics["request_totals"]["successful"],
        first_p50_ms=first["p50"],
        first_p99_ms=first["p99"],
        tokens_per_s=1e3 / gap_ms if gap_ms else 0.0,
    )
