"""Which of the operator's callbacks only log: the express lane serves past them and tells them afterwards.

A callback that merely hears of a finished request costs nothing by hearing a moment later. One that may change or stop
a request, or listens while it runs, keeps the request in the LiteLLM lane. `explain` must say the same as the gateway
without running foreign code, so a class of the operator's is judged by its source, there and here: it must stand beside
litellm_config.yaml, derive from CustomLogger alone, and define nothing public but the methods below.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from plugins.config.deployments import section
from plugins.config.located import Located

OUR_CALLBACK = "plugins.callbacks.gate"

# Of LiteLLM's own integrations under `callbacks:`, those that act on no request; tests/tripwires holds it against them.
ONLY_LOG = frozenset(
    """agentops argilla arize arize_phoenix aws_sqs azure_sentinel azure_storage braintrust clickhouse cloudzero datadog
    datadog_llm_observability datadog_metrics deepeval focus galileo gcs_bucket gcs_pubsub generic_api lago langfuse
    langfuse_otel langsmith langtrace levo literalai logfire mavvrik mlflow openmeter opik otel pointfive posthog
    prometheus s3_v2 signoz ternary vantage weave_otel zerobus""".split()
)
# What is called when a request has ended, and changes at most what is logged of it.
HEARING = frozenset(
    """log_success_event log_failure_event async_log_success_event async_log_failure_event
    logging_hook async_logging_hook""".split()
)
# Settings of litellm_settings that only concern loggers.
LOGGER_SETTINGS = frozenset(
    """langfuse_default_tags langsmith_batch_size argilla_batch_size argilla_transformation_object datadog_use_v1
    gcs_pub_sub_use_v1 generic_api_use_v1 prometheus_latency_buckets prometheus_metrics_config
    prometheus_initialize_budget_metrics custom_prometheus_metadata_labels custom_prometheus_tags
    require_auth_for_metrics_endpoint standard_logging_payload_excluded_fields redact_messages_in_exceptions
    s3_callback_params""".split()
)
_BY_KEY = ("success_callback", "failure_callback")
_SORTED = ("callbacks", "input_callback", "guardrails")

Source = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Callbacks:
    loggers: tuple[str, ...] = ()  # hear of requests afterwards
    acting: tuple[str, ...] = ()  # with the place in the file: these need LiteLLM


def callbacks(document: Located, source: Source) -> Callbacks:
    loggers: list[str] = []
    acting: list[str] = []
    for place in _BY_KEY:
        loggers.extend(str(each) for each in _named(document, place))
    for place in _SORTED:
        for each in _named(document, place):
            if place == "callbacks" and _only_logs(each, document, source):
                loggers.append(str(each))
            elif each != OUR_CALLBACK:
                acting.append(f"litellm_settings.{place}: {each}")
    acting += [
        f"guardrails: {each.get('guardrail_name') if isinstance(each, dict) else each}"
        for each in section(document, "guardrails", list)
    ]
    return Callbacks(tuple(dict.fromkeys(loggers)), tuple(acting))


def _named(document: Located, place: str) -> list[Any]:
    value = section(document, "litellm_settings", dict).get(place) or []
    return value if isinstance(value, list) else [value]


def _only_logs(name: object, document: Located, source: Source) -> bool:
    if not isinstance(name, str) or name == OUR_CALLBACK:
        return False
    settings = section(document, "callback_settings", dict).get(name)
    if name in ONLY_LOG or (isinstance(settings, dict) and settings.get("callback_type") == "generic_api"):
        return True
    module, _, instance = name.rpartition(".")
    text = source(module) if module else None
    return text is not None and instance_only_logs(text, instance)


def instance_only_logs(source: str, instance: str) -> bool:
    """Whether `instance` of this module is of a class that hears of requests and does nothing else."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    if not any(isinstance(node, ast.ImportFrom) and _brings_custom_logger(node) for node in tree.body):
        return False
    made = [name for node in tree.body for name in _made(node, instance)]
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in made]
    return len(made) == len(found) == 1 and _only_hears(found[0])


def _brings_custom_logger(node: ast.ImportFrom) -> bool:
    return node.module == "litellm.integrations.custom_logger" and any(
        alias.name == "CustomLogger" and alias.asname is None for alias in node.names
    )


def _made(node: ast.stmt, instance: str) -> Iterator[str]:
    """The class of every `instance = Class(...)`; an assignment that is anything else has no name that could be one."""
    if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == instance for to in node.targets):
        called = node.value.func if isinstance(node.value, ast.Call) else None
        yield called.id if isinstance(called, ast.Name) else ""


def _only_hears(node: ast.ClassDef) -> bool:
    derives = [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
    return (
        derives == ["CustomLogger"]
        and not node.keywords
        and not node.decorator_list
        and all(_is_harmless(each) for each in node.body)
    )


def _is_harmless(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name in HEARING or name == "__init__" or (name.startswith("_") and not name.startswith("__"))
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.Assign(value=ast.Constant()) | ast.AnnAssign(value=ast.Constant() | None):
            return True
        case _:
            return False
