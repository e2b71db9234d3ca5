"""Every way to say no, as data. The wires decide what it looks like: Cerebras is flat, OpenAI wraps."""

from dataclasses import dataclass, field, replace

BLOCKED_PAGE = (
    '<!DOCTYPE html>\n<html lang="en-US"><head><title>Attention Required! | Cloudflare</title></head>'
    "<body><h1>Sorry, you have been blocked</h1><p>You are unable to access cerebras.ai</p></body></html>\n"
)
GATEWAY_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    message: str
    type: str
    param: str | None
    code: str | None
    headers: dict[str, str] = field(default_factory=dict)
    page: str | None = None  # HTML from something in front of the provider
    limited: bool = True  # whether rate-limit headers come along
    verbatim: bool = False  # a wire with words of its own keeps these


def invalid(
    message: str, param: str = "validation_error", code: str = "wrong_api_format", status: int = 400
) -> Refusal:
    return Refusal(status, message, "invalid_request_error", param, code)


def unsupported(paths: list[str], status: int = 400) -> Refusal:
    """One line per property the API does not know, as it words them."""
    return invalid("\n".join(f"{path}: property '{path}' is unsupported" for path in paths), status=status)


def context_exceeded(current: int, limit: int) -> Refusal:
    text = f"Please reduce the length of the messages or completion. Current length is {current} while limit is {limit}"
    return invalid(text, "messages", "context_length_exceeded")


def too_many(kind: str, per: str, bucket: str = "") -> Refusal:
    """429 by quota; `kind` is tokens or requests, `per` minute, hour or day."""
    if kind == "requests":
        text = f"Requests per {per} limit exceeded - too many requests sent."
        return Refusal(429, text, "too_many_requests_error", "quota", "request_quota_exceeded")
    named = f"{bucket.capitalize()} tokens" if bucket else "Tokens"
    text = f"{named} per {per} limit exceeded - too many tokens processed."
    return Refusal(429, text, "too_many_tokens_error", "quota", "token_quota_exceeded")


def queue_full(param: str = "queue") -> Refusal:
    text = "We're experiencing high traffic right now! Please try again soon."
    return Refusal(429, text, "too_many_requests_error", param, "queue_exceeded")


def no_model(name: str, status: int = 404) -> Refusal:
    text = f"Model {name} does not exist or you do not have access to it."
    return Refusal(status, text, "not_found_error", "model", "model_not_found")


WRONG_KEY = Refusal(401, "Wrong API Key", "invalid_request_error", "api_key", "wrong_api_key", limited=False)
PAYMENT = Refusal(
    402,
    "Payment required to access this resource. Visit your billing tab.",
    "payment_required_error",
    "quota",
    "payment_required",
    {"x-should-retry": "false"},
    limited=False,
)
BLOCKED = Refusal(403, "", "", None, None, page=BLOCKED_PAGE, limited=False)
NOT_FOUND = Refusal(404, "Not Found", "not_found_error", "path", "not_found", limited=False)
NOT_ALLOWED = Refusal(405, "Method Not Allowed", "invalid_request_error", "method", "method_not_allowed", limited=False)
TOO_LARGE = Refusal(
    413, "Request Entity Too Large", "invalid_request_error", "body", "request_too_large", limited=False
)


def by_fault(fault: str, model: str, queue_param: str) -> Refusal:
    """The refusal a status fault stands for."""
    pages = {"502": "502 Bad Gateway", "504": "504 Gateway Time-out"}
    if fault in pages:
        return Refusal(int(fault), "", "", None, None, page=GATEWAY_PAGE.format(pages[fault]), limited=False)
    table = {
        "400": invalid("messages: field required"),
        "400_context": context_exceeded(142_328, 131_072),
        "400_content_filter": invalid("The request was rejected by the content filter.", "messages", "content_filter"),
        "401": WRONG_KEY,
        "402": PAYMENT,
        "403": BLOCKED,
        "404": no_model(model),
        "408": Refusal(408, "Request timed out.", "request_timeout_error", "timeout", "request_timeout"),
        "413": TOO_LARGE,
        "422": invalid("messages: field required", status=422),
        "429_tokens": too_many("tokens", "minute"),
        "429_requests": too_many("requests", "minute"),
        "429_queue": queue_full(queue_param),
        "500": Refusal(500, "Encountered a server error, please try again.", "api_error", "server", "server_error"),
        "503": Refusal(503, "Service temporarily overloaded.", "api_error", "server", "service_unavailable"),
    }
    return table[fault]


def reworded(refusal: Refusal, message: str | None, code: str | None) -> Refusal:
    return replace(refusal, message=message or refusal.message, code=code or refusal.code, verbatim=True)


def by_status(status: int, queue_param: str) -> Refusal:
    """What an in-band error event of this status says."""
    known = {400: "400", 401: "401", 402: "402", 404: "404", 408: "408", 422: "422", 429: "429_queue", 503: "503"}
    refusal = by_fault(known.get(status, "500"), "the model", queue_param)
    return Refusal(status, refusal.message, refusal.type, refusal.param, refusal.code)
