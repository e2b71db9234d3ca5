"""Lifecycle: what happens to models that are leaving, gone, not here to stay, or unheard of."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from enum import StrEnum

from pydantic import Field

from plugins.policy.catalog import Catalog, Phase, Row, find, live_models, phase_on, successor_on
from plugins.policy.settings import Settings, Waiver, waived
from plugins.policy.verdict import Allow, Amend, Refuse, Verdict, listed


class Action(StrEnum):
    REFUSE = "refuse"
    REPLACE = "replace"
    WARN = "warn"
    ALLOW = "allow"


class DeprecatedRule(Settings):
    """A model the vendor has given notice for, until the day it is retired."""

    notice_days: int = Field(30, ge=0, le=3650, description="How many days after the notice clients may still use it.")
    within_notice: Action = Field(Action.WARN, description="Up to and including that day.")
    past_notice: Action = Field(Action.REFUSE, description="From the next day on.")


class LifecycleFile(Settings):
    """What happens to a model by its phase.

    refuse; replace (by its live successor); warn (serve, with headers that say until when); allow.
    """

    retired: Action = Field(Action.REFUSE, description="Its retirement date has come.")
    deprecated: DeprecatedRule = Field(default_factory=DeprecatedRule, description="Notice given, not yet retired.")
    preview: Action = Field(Action.REFUSE, description="Preview models vanish, sometimes on the day of the notice.")
    dedicated: Action = Field(Action.REFUSE, description="Served on dedicated endpoints only.")
    unknown: Action = Field(Action.REFUSE, description="Not in policies/models.yaml.")
    exceptions: list[Waiver] = Field(default_factory=list, description="Clients that may use such a model for a while.")


def judge(
    settings: LifecycleFile,
    catalog: Catalog,
    name: str,
    client: str,
    today: date,
    *,
    asked_as: Iterable[str] = (),
    replaceable: bool = True,
) -> Verdict:
    """The verdict on one Cerebras model id, for one client, on one day.

    `asked_as`: the workload and public name it is called under, which exceptions may name as well.
    """
    found = find(catalog, name)
    identity, row = found or (name, None)
    phase = phase_on(row, today) if row else Phase.UNKNOWN
    if phase is Phase.LIVE:
        return Allow("lifecycle.live", f"{identity!r} is live")
    rule, action, reason = _matching_rule(settings, identity, row, phase, today)
    waiver = waived(settings.exceptions, client, (name, identity, *asked_as), today)
    if waiver and action in (Action.REFUSE, Action.REPLACE):
        rule, action = "lifecycle.exception", Action.WARN
        reason = f"{reason}, but {client!r} may use it until {waiver.until} ({waiver.reason})"
    successor = successor_on(catalog, identity, today)
    match action:
        case Action.ALLOW:
            return Allow(rule, reason)
        case Action.WARN:
            return Amend(rule, reason, headers=_headers(row, successor))
        case Action.REPLACE if successor and replaceable:
            return Amend(
                rule, f"{reason}; replaced by {successor!r}", model=successor, headers=_headers(row, successor)
            )
        case _:
            return _refusal(catalog, rule, reason, row, phase, successor, today)


def _matching_rule(
    settings: LifecycleFile, name: str, row: Row | None, phase: Phase, today: date
) -> tuple[str, Action, str]:
    match phase:
        case Phase.RETIRED:
            return "lifecycle.retired", settings.retired, f"{name!r} was retired by Cerebras on {_retires(row)}"
        case Phase.DEPRECATED:
            return _deprecated(settings.deprecated, name, row, today)
        case Phase.PREVIEW:
            return (
                "lifecycle.preview",
                settings.preview,
                f"{name!r} is a preview model, which may vanish without notice",
            )
        case Phase.DEDICATED:
            left = f" since {row.retires}" if row and row.retires else ""
            return "lifecycle.dedicated", settings.dedicated, f"{name!r} is served on dedicated endpoints only{left}"
        case Phase.UNRELEASED:
            since = f" before {row.first_public.day}" if row and row.first_public else " yet"
            return "lifecycle.unknown", settings.unknown, f"{name!r} is not public{since}"
        case _:
            return "lifecycle.unknown", settings.unknown, f"{name!r} is not a known Cerebras model"


def _deprecated(rule: DeprecatedRule, name: str, row: Row | None, today: date) -> tuple[str, Action, str]:
    if row is None or row.notice is None:  # the phase says there was a notice; a row without one never gets here
        return "lifecycle.deprecated.within_notice", rule.within_notice, f"{name!r} is deprecated"
    reason = f"{name!r} was deprecated on {row.notice.day}"
    if row.retires:
        reason += f" and retires on {row.retires}"
    if (today - row.notice.day).days <= rule.notice_days:
        return "lifecycle.deprecated.within_notice", rule.within_notice, reason
    return (
        "lifecycle.deprecated.past_notice",
        rule.past_notice,
        f"{reason}; its {rule.notice_days} days of notice are over",
    )


def _refusal(
    catalog: Catalog, rule: str, reason: str, row: Row | None, phase: Phase, successor: str | None, today: date
) -> Refuse:
    if successor:
        cure = f"use {successor!r} instead"
    elif phase in (Phase.RETIRED, Phase.DEPRECATED, Phase.DEDICATED):
        cure = f"Cerebras named no live successor; live today: {listed(live_models(catalog, today))}"
    else:
        cure = f"live today: {listed(live_models(catalog, today))}"
    gone = phase is Phase.RETIRED or (phase is Phase.DEDICATED and row is not None and row.retires is not None)
    if gone:
        status, code = 404, "model_retired"
    elif phase in (Phase.UNKNOWN, Phase.UNRELEASED):
        status, code = 404, "model_not_found"
    else:
        status, code = 403, "model_blocked"
    return Refuse(rule, reason, cure, status, code, successor=successor)


def _headers(row: Row | None, successor: str | None) -> dict[str, str]:
    """RFC 9745 Deprecation, RFC 8594 Sunset, and where to go next."""
    headers: dict[str, str] = {}
    if row and row.notice:
        headers["Deprecation"] = f"@{timegm(row.notice.day.timetuple())}"
    if row and row.retires:
        headers["Sunset"] = format_datetime(datetime.combine(row.retires, time(), UTC), usegmt=True)
    if successor:
        headers["Link"] = f'</v1/models/{successor}>; rel="successor-version"'
    return headers


def _retires(row: Row | None) -> str:
    return str(row.retires) if row and row.retires else "an unknown day"
