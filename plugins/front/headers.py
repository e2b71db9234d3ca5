"""What every answer says about itself."""

from __future__ import annotations

from plugins.front.asgi import encoded
from plugins.telemetry.record import Record


def answer_headers(record: Record) -> list[tuple[bytes, bytes]]:
    headers = {"x-request-id": record.request_id}
    decision = record.decision
    if decision is not None:
        headers["x-waferline-model-asked"] = decision.ask.model
        headers |= decision.headers
    if record.lane is not None:
        headers["x-waferline-lane"] = str(record.lane)
    if record.serving is not None:
        if record.refusal is None:
            headers["x-waferline-model-served"] = record.serving.target.model
        headers["x-waferline-deployment"] = record.serving.target.deployment
        headers["x-waferline-attempts"] = str(len(record.attempts))
    if record.dropped:
        headers["x-waferline-dropped"] = ", ".join(record.dropped)
    return encoded(headers)
