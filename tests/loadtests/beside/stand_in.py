"""Speaks and reports as GuideLLM does, as far as the table needs it: a tool in a test where none is installed."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen


def main(arguments: list[str]) -> None:
    told = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    backend = json.loads(told["--backend"])
    streams, path, report = (
        dict(part.split("=", 1) for part in told[flag].split(","))[name]
        for flag, name in (("--profile", "streams"), ("--data", "path"), ("--output", "path"))
    )
    prompts = [json.loads(line)["prompt"] for line in Path(path).read_text().splitlines()]
    with ThreadPoolExecutor(int(streams)) as pool:
        firsts, gaps = zip(*pool.map(lambda prompt: ask(backend, prompt), prompts), strict=True)
    ordered = sorted(firsts)
    first = {"p50": median(ordered), "p99": ordered[-1]}
    metrics = {
        "request_totals": {"successful": len(prompts)},
        "time_to_first_token_ms": {"successful": {"percentiles": first}},
        "inter_token_latency_ms": {"successful": {"percentiles": {"p50": median(gaps)}}},
    }
    whole = {"metadata": {"guidellm_version": "0.0.1"}, "benchmarks": [{"metrics": metrics}]}
    Path(report).write_text(json.dumps(whole))


def ask(backend: dict[str, str], prompt: str) -> tuple[float, float]:
    body = {
        "model": backend["model"],
        "messages": [{"role": "user", "content": prompt}],
        "max_completion_tokens": backend["max_tokens"],
        "stream": True,
    }
    headers = {"authorization": f"Bearer {backend['api_key']}", "content-type": "application/json"}
    asked = time.monotonic()
    with urlopen(Request(f"{backend['target']}/v1/chat/completions", json.dumps(body).encode(), headers)) as answer:
        spoken = (line for line in answer if b'"content":"' in line or b'"reasoning":"' in line)
        times = [(time.monotonic() - asked) * 1e3 for _ in spoken]
    return times[0], (times[-1] - times[0]) / int(backend["max_tokens"])


if __name__ == "__main__":
    main(sys.argv[1:])
