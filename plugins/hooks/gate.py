"""The gate: the last word before a provider is called, where the model is resolved and no name can hide it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException

from plugins.circuit.board import Board
from plugins.policy.targets import NO_KEY, Address, Target
from plugins.policy.verdict import Refuse
from plugins.telemetry.record import Record, Skipped, current


class Gate(CustomLogger):  # type: ignore[misc]  # litellm is not typed strictly; this is the seam
    """Lets through the targets that the policies resolved for this request, and nothing else.

    Checking the name a client asked for was bypassed in twelve ways: aliases, deployment ids, lists, fallbacks,
    wildcards. Here LiteLLM has already decided which deployment it will call.
    """

    def __init__(self, addresses: Mapping[str, Address | str], board: Board, now: Callable[[], float]) -> None:
        super().__init__()
        self._addresses = addresses
        self._board = board
        self._now = now

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[Any],
        messages: list[Any] | None,
        request_kwargs: dict[str, Any] | None = None,
        parent_otel_span: Any = None,
    ) -> list[Any]:
        """Leaves out what was tried, and what its circuit keeps from being tried: LiteLLM goes on to the next."""
        record = current.get()
        if record is None or record.decision is None:
            return healthy_deployments  # refused below
        return [each for each in healthy_deployments if self._is_worth_calling(record, each.get("model_info") or {})]

    def _is_worth_calling(self, record: Record, info: Mapping[str, Any]) -> bool:
        target = record.decision.target(info.get("id")) if record.decision else None
        if target is None:
            return True  # refused below
        if record.has_tried(target):
            return False
        standing, now = self._board.standing(target), self._now()
        rejected = standing.rejection(now, record.size, last_resort=record.last_resort)
        if rejected is not None:
            record.skip(Skipped(target, str(rejected.why), rejected.seconds, now))
        return rejected is None

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: object) -> dict[str, Any] | None:
        deployment = (kwargs.get("model_info") or {}).get("id")
        record = current.get()
        target = admitted(record, deployment)
        if isinstance(target, Refuse):
            raise as_proxy_exception(target)
        # A request that names a deployment does not pass the filter.
        if record is not None and not self._is_worth_calling(record, {"id": deployment}):
            raise as_proxy_exception(_left_alone(target))
        assert record is not None  # noqa: S101  admitted() refuses without one
        record.calling = target
        model = f"{target.provider}/{target.upstream_model}"
        return {**kwargs, "model": model, "api_key": kwargs.get("api_key") or self._key(target, kwargs)}

    def _key(self, target: Target, kwargs: dict[str, Any]) -> str | None:
        """LiteLLM would fill an empty key with OPENAI_API_KEY and send that to whatever address the row has."""
        address = self._addresses.get(target.deployment)
        if isinstance(address, Address):
            return address.key
        return NO_KEY if kwargs.get("api_base") else None


def admitted(record: Record | None, deployment: str | None) -> Target | Refuse:
    if record is None or record.decision is None:
        return _refuse("the call did not come through the front", "ask POST /v1/chat/completions")
    target = record.decision.target(deployment)
    if target is None:
        return _refuse(
            f"the deployment {deployment!r} was not resolved for this request", "ask for a model by its name"
        )
    if record.client_is_to_blame:
        return _refuse("the request itself is at fault", "another provider would say the same")
    return target


def _refuse(reason: str, cure: str) -> Refuse:
    return Refuse("gate.target", reason, cure, 403, "model_blocked")


def _left_alone(target: Target) -> Refuse:
    return Refuse("gate.circuit", f"{target.deployment!r} is left alone", "another serves", 503, "upstream_unavailable")


def as_proxy_exception(refusal: Refuse) -> Exception:
    error: Exception = ProxyException(
        message=refusal.message,
        type="permission_error" if refusal.status == 403 else "server_error",
        param=refusal.param,
        code=refusal.status,
    )
    return error
