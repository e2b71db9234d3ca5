from typing import Any

import pytest

from simulator.catalog import describe
from simulator.knobs import Knobs
from simulator.schema import smallest, violation
from simulator.strict import refusal, shape
from tests.simulator.asking import WEATHER, plain

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


def history(**assistant: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "hi", **assistant}
    return {**plain(), "messages": [{"role": "user", "content": "a"}, said, {"role": "user", "content": "b"}]}


def strictly(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}


def tool(strict: bool) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "strict": strict, "parameters": CLOSED}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (plain(store=True), "body.store: property 'body.store' is unsupported"),
        (plain(store=True, thinking={}), "body.thinking: property 'body.thinking' is unsupported"),
        (
            history(reasoning_content="hm"),
            "messages.1.assistant.reasoning_content: property 'messages.1.assistant.reasoning_content' is unsupported",
        ),
        (history(thinking_blocks=[]), "messages.1.assistant.thinking_blocks"),
        (plain(max_tokens=5, max_completion_tokens=5), "cannot both be set"),
        (plain(reasoning_effort="none"), "body.reasoning_effort: 'none' is not supported by gpt-oss-120b"),
        (plain(reasoning_effort="minimal"), "body.reasoning_effort"),
        (plain(disable_reasoning=True), "body.disable_reasoning"),
        (plain(stream=True, response_format={"type": "json_object"}), "not supported with streaming"),
        (
            plain("qwen-3.8-27b", prediction={"type": "content", "content": ""}),
            '"prediction" is not currently supported',
        ),
        (plain(tools=[WEATHER], response_format={"type": "json_object"}), "cannot be used together"),
        (plain(tools=[tool(True), tool(False)]), "Tools with mixed values for 'strict' are not allowed"),
        (plain(response_format=strictly({"type": "object"})), "'additionalProperties' is required to be supplied"),
        (plain(stop=["a", "b", "c", "d", "e"]), "at most 4"),
        (plain(temperature=2.5), "body.temperature: must be between 0 and 2"),
        (plain(top_logprobs=21), "body.top_logprobs"),
        (plain(service_tier="gold"), "body.service_tier"),
        (plain(logit_bias={str(n): 1 for n in range(101)}), "body.logit_bias"),
        (plain(reasoning_format="xml"), "body.reasoning_format"),
        ({**plain(), "messages": [{"role": "robot", "content": "a"}]}, "messages.0.role"),
        (plain(max_tokens=131_072), "Please reduce the length of the messages or completion. Current length is 131074"),
    ],
)
def test_cerebras_refuses_what_it_does_not_know(body: dict[str, Any], said: str) -> None:
    refused = refusal(body, describe(body["model"]), Knobs())

    assert refused is not None
    assert refused.status == 400
    assert said in refused.message


@pytest.mark.parametrize(
    "body",
    [
        plain(),
        history(reasoning="hm"),
        history(
            content=None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        ),
        plain("qwen-3.8-27b", reasoning_effort="none"),
        plain("qwen-3.8-27b", tools=[WEATHER], response_format={"type": "json_object"}),
        plain(response_format={"type": "json_object"}),
        plain(response_format=strictly(CLOSED), stream=True),
        plain(max_completion_tokens=-1),
        plain(service_tier="auto", parallel_tool_calls=False, frequency_penalty=0.5, logit_bias={"1": 1}),
        plain(tools=[tool(True), tool(True)]),
    ],
)
def test_cerebras_takes_what_it_documents(body: dict[str, Any]) -> None:
    assert refusal(body, describe(body["model"]), Knobs()) is None


def test_every_unknown_property_has_a_line_of_its_own() -> None:
    refused = refusal(plain(store=True, verbosity="low"), describe("gpt-oss-120b"), Knobs(validation_status=422))

    assert refused is not None
    assert (refused.status, refused.code, refused.type) == (422, "wrong_api_format", "invalid_request_error")
    assert refused.message.count("\n") == 1


def test_a_long_prompt_counts_against_the_context_limit() -> None:
    body = {**plain(), "messages": [{"role": "user", "content": "x" * 4000}]}
    refused = refusal(body, describe("gpt-oss-120b"), Knobs(context_limit=900))

    assert refused is not None
    assert refused.code == "context_length_exceeded"
    assert refused.message.endswith("Current length is 1001 while limit is 900")


def test_a_lenient_simulator_refuses_none_of_this() -> None:
    assert refusal(plain(store=True), describe("gpt-oss-120b"), Knobs(strict=False)) is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"messages": []},
        {"model": "m", "messages": []},
        {"model": "m", "messages": ["hi"]},
        plain(tools=[{"type": "function"}]),
        plain(response_format="json"),
        plain(max_tokens="many"),
        plain(n=0.5),
        plain(n=99),
    ],
)
def test_what_no_provider_can_answer_is_refused_by_every_persona(body: object) -> None:
    refused = shape(body)

    assert refused is not None
    assert refused.status == 400


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}, "additionalProperties": False}
    return schema


def wide(name: str, count: int) -> dict[str, Any]:
    """Short keys, so that the count is what breaks the limit and not the length."""
    if name == "enum":
        return {**CLOSED, "properties": {"a": {"enum": list(range(count))}}}
    return {**CLOSED, "properties": {f"{number:x}": {} for number in range(count)}}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "array"}, "root"),
        ({"type": "object", "properties": {}}, "'additionalProperties' is required to be supplied and set to false."),
        (
            {**CLOSED, "properties": {"a": {"type": "array", "minItems": 1, "items": {}}}},
            "Unsupported JSON schema fields: {'minItems'}",
        ),
        (
            {**CLOSED, "properties": {"a": {"type": "string", "pattern": "x", "format": "date"}}},
            "{'format', 'pattern'}",
        ),
        ({**CLOSED, "properties": {"a": {"$ref": "#"}}}, "$ref"),
        ({**CLOSED, "properties": {"a": {"$ref": "https://example.com/a.json"}}}, "$ref"),
        (nested(11), "10 levels"),
        (wide("enum", 501), "500 enum values"),
        (wide("properties", 501), "500 properties"),
        ({**CLOSED, "description": "x" * 5000}, "5000 characters"),
    ],
)
def test_strict_mode_refuses_schemas_beyond_its_limits(schema: dict[str, Any], said: str) -> None:
    assert said in (violation(schema) or "")


@pytest.mark.parametrize("schema", [CLOSED, nested(9), wide("enum", 500), wide("properties", 500)])
def test_strict_mode_takes_schemas_within_its_limits(schema: dict[str, Any]) -> None:
    assert violation(schema) is None


def test_a_schema_that_refers_to_its_own_definition_is_recursive() -> None:
    node = {**CLOSED, "properties": {"next": {"$ref": "#/$defs/node"}}}

    assert "recursive" in (
        violation({**CLOSED, "properties": {"a": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}) or ""
    )


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}}, {"a": 7, "b": True}),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": 3}, 3),
        ({"type": "array", "items": {"type": "string"}}, ["wafer"]),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, 7.5),
        ({"type": ["null", "string"]}, None),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, 7),
    ],
)
def test_the_smallest_value_satisfies_its_schema(schema: dict[str, Any], value: object) -> None:
    assert smallest(schema) == value
