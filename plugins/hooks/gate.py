"""The gate: the last word before a provider is called, where the model is resolved and no name can hide it."""

from __future__ import annotations

from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException

from plugins.policy.targets import NO_KEY, Target
from plugins.policy.verdict import Refuse
from plugins.telemetry.record import Record, current


class Gate(CustomLogger):  # type: ignore[misc]  # litellm is not typed strictly; this is the seam
    """Lets through the targets that the policies resolved for this request, and nothing else.

    Checking the name a client asked for was bypassed in twelve ways: aliases, deployment ids, lists, fallbacks,
    wildcards. Here LiteLLM has already decided which deployment it will call.
    """

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[Any],
        messages: list[Any] | None,
        request_kwargs: dict[str, Any] | None = None,
        parent_otel_span: object = None,
    ) -> list[dict[str, Any]]:
        """Keeps LiteLLM from choosing what the gate would refuse. It may look; the gate below decides."""
        record = current.get()
        if record is None or record.decision is None:
            return []
        decision = record.decision
        return [each for each in healthy_deployments if decision.may_call((each.get("model_info") or {}).get("id"))]

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: object) -> dict[str, Any] | None:
        deployment = (kwargs.get("model_info") or {}).get("id")
        record = current.get()
        target = admitted(record, deployment)
        if isinstance(target, Refuse):
            raise as_proxy_exception(target)
        assert record is not None  # noqa: S101  admitted() refuses without one
        record.calling = target
        return {
            **kwargs,
            "model": f"{target.provider}/{target.upstream_model}",
            "api_key": kwargs.get("api_key") or NO_KEY,
        }


def admitted(record: Record | None, deployment: str | None) -> Target | Refuse:
    if record is None or record.decision is None:
        return _refuse("the call did not come through the front", "ask POST /v1/chat/completions")
    target = next((each for each in record.decision.targets if each.deployment == deployment), None)
    if target is None:
        return _refuse(
            f"the deployment {deployment!r} was not resolved for this request", "ask for a model by its name"
        )
    if record.serving is not None and record.serving.client_is_to_blame:
        return _refuse("the request itself is at fault", "another provider would say the same")
    return target


def _refuse(reason: str, cure: str) -> Refuse:
    return Refuse("gate.target", reason, cure, 403, "model_blocked")


def as_proxy_exception(refusal: Refuse) -> Exception:
    error: Exception = ProxyException(
        message=refusal.message, type="permission_error", param=refusal.param, code=refusal.status
    )
    return error
