"""Examples: what somebody asks and what is expected of the policies, run against the engine that serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from plugins.commands.context import Loaded
from plugins.config.files import shown
from plugins.config.located import Located, read
from plugins.config.problem import Problem
from plugins.config.validate import validate
from plugins.policy.access import MASTER, Client, client_named
from plugins.policy.engine import Ask, Decision, Policies, decide
from plugins.policy.lifecycle import Action, DeprecatedRule, LifecycleFile
from plugins.policy.settings import Name, Settings
from plugins.policy.verdict import StreamMode, listed


class ExampleAsk(Settings):
    """A request."""

    model: Name = Field(description="The model or workload asked for.")
    stream: bool = Field(True, description="Whether the client streams.")
    client: Name = Field(MASTER, description="Who asks: 'master', a client of access.yaml or of this file.")
    at: date = Field(description="On which day, so that the answer is the same for ever.")


class Expect(Settings):
    """What must come of it. Only what is written is compared; null stands for none."""

    refused: str | None = Field(None, description="The code of the refusal.")
    status: int | None = Field(None, description="Its HTTP status.")
    rule: str | None = Field(None, description="The rule that refuses.")
    successor: Name | None = Field(None, description="The model the refusal names instead; null when it names none.")
    served_by: list[Name] | None = Field(None, description="The models that may serve, best first.")
    targets: list[str] | None = Field(None, description="The ids of the deployments that may be called, in order.")
    stream_mode: StreamMode | None = Field(None, description="How the provider is asked and the client answered.")
    workload: Name | None = Field(None, description="The workload it is; null when a model was named directly.")
    headers: dict[str, str | None] | None = Field(
        None, description="Headers the client gets; null for one it must not."
    )
    verdicts: dict[str, str] | None = Field(None, description="For a policy, a rule that must be among its verdicts.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"expects nothing; give at least one of {', '.join(type(self).model_fields)}")
        return self


class Example(Settings):
    """One request, and what must come of it."""

    name: str = Field(min_length=1, description="What holds, as a sentence.")
    ask: ExampleAsk = Field(description="The request.")
    expect: Expect = Field(description="What must come of it.")


class ExampleClient(Settings):
    """A client for the examples of this file."""

    name: Name = Field(description="The name to ask as.")
    models: list[str] = Field(min_length=1, description="Models and workloads it may ask for; '*' is all.")


class ExamplesFile(Settings):
    """Requests and what must come of them. `waferline test` runs them."""

    clients: list[ExampleClient] = Field(default_factory=list, description="Clients that exist in this file only.")
    examples: list[Example] = Field(min_length=1, description="In the order in which they are run.")


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    file: str
    line: int
    differences: tuple[str, ...]
    rules: frozenset[str]

    @property
    def holds(self) -> bool:
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        where = {"name": self.name, "file": self.file, "line": self.line}
        return {**where, "holds": self.holds, "differences": list(self.differences)}


def shipped(policies: Path) -> list[Path]:
    return sorted((policies / "examples").glob("*.yaml"))


def run_file(path: Path, loaded: Loaded) -> tuple[list[Result], list[Problem]]:
    try:
        document, problems = read(shown(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return [], [Problem(shown(path), 1, "", f"cannot be read, {error}", cure="name a YAML file of examples")]
    file, invalid = validate(document, ExamplesFile)
    if file is None or problems:
        return [], [*problems, *invalid]
    problems = list(_unknown_clients(document, file, loaded.policies))
    return ([] if problems else list(_results(document, file, loaded))), problems


def _unknown_clients(document: Located, file: ExamplesFile, policies: Policies) -> Iterator[Problem]:
    known = clients(policies, (row.name for row in file.clients))
    for index, example in enumerate(file.examples):
        if example.ask.client not in known:
            what, cure = f"{example.ask.client!r} is not a client", f"add it to `clients` here, or use {listed(known)}"
            yield document.problem(("examples", index, "ask", "client"), what, cure=cure)


def clients(policies: Policies, more: Iterable[str] = ()) -> list[str]:
    return [MASTER, *(row.name for row in policies.access.clients), *more]


def _results(document: Located, file: ExamplesFile, loaded: Loaded) -> Iterator[Result]:
    own = {row.name: Client(row.name, frozenset(row.models)) for row in file.clients}
    for index, example in enumerate(file.examples):
        ask = example.ask
        client = own.get(ask.client) or client_named(loaded.policies.access, ask.client)
        assert client is not None  # noqa: S101  unknown clients were problems
        decision = decide(loaded.policies, loaded.deployed, Ask(ask.model, ask.stream, client, ask.at))
        yield Result(
            name=example.name,
            file=document.file,
            line=document.line(("examples", index)),
            differences=tuple(differences(example.expect, decision)),
            rules=frozenset(step.verdict.rule for step in decision.steps),
        )


def differences(expect: Expect, decision: Decision) -> Iterator[str]:
    """Expected on the left, as in a test."""
    facts = _facts(decision)
    for name in type(expect).model_fields:
        if name not in expect.model_fields_set:
            continue
        wanted = getattr(expect, name)
        if name == "headers":
            yield from _header_differences(wanted or {}, decision)
        elif name == "verdicts":
            yield from _verdict_differences(wanted or {}, decision)
        elif wanted != facts[name]:
            yield f"{name}: expected {_said(wanted)}, was {_said(facts[name])}{_why(name, decision)}"


def _facts(decision: Decision) -> Mapping[str, Any]:
    refusal = decision.refusal
    return {
        "refused": refusal.code if refusal else None,
        "status": refusal.status if refusal else None,
        "rule": refusal.rule if refusal else None,
        "successor": refusal.successor if refusal else None,
        "served_by": list(decision.models),
        "targets": [target.deployment for target in decision.targets],
        "stream_mode": decision.stream_mode,
        "workload": decision.route.workload,
    }


def _why(name: str, decision: Decision) -> str:
    """What is needed to understand a difference: why there was a refusal, or who served instead of one."""
    if decision.refusal:
        return f" ({decision.refusal.rule}: {decision.refusal.reason})"
    return f" (served by {', '.join(decision.models)})" if name in ("refused", "status", "rule", "successor") else ""


def _header_differences(wanted: Mapping[str, str | None], decision: Decision) -> Iterator[str]:
    sent = {name.lower(): value for name, value in decision.headers.items()}
    for name, value in wanted.items():
        if sent.get(name.lower()) != value:
            yield f"headers.{name}: expected {_said(value)}, was {_said(sent.get(name.lower()))}"


def _verdict_differences(wanted: Mapping[str, str], decision: Decision) -> Iterator[str]:
    for policy, rule in wanted.items():
        rules = list(dict.fromkeys(step.verdict.rule for step in decision.steps if step.policy == policy))
        if rule not in rules:
            yield f"verdicts.{policy}: expected {rule}, was {_said(rules)}"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return "none" if value is None else str(value)


def never_exercised(policies: Policies, results: Iterable[Result]) -> list[str]:
    """The rules that are written in the policies and that no example meets."""
    met: set[str] = set().union(*(result.rules for result in results))
    return [rule for rule in _written(policies) if rule not in met]


def _written(policies: Policies) -> Iterator[str]:
    for name, field in LifecycleFile.model_fields.items():
        if field.annotation is Action:
            yield f"lifecycle.{name}"
    for name, field in DeprecatedRule.model_fields.items():
        if field.annotation is Action:
            yield f"lifecycle.deprecated.{name}"
    streaming = policies.streaming
    yield "streaming.default"
    yield from (f"streaming.workloads.{name}" for name in streaming.workloads)
    yield from (f"streaming.models.{name}" for name in streaming.models)
    for stem, file in (("lifecycle", policies.lifecycle), ("streaming", streaming), ("access", policies.access)):
        if file.exceptions:
            yield f"{stem}.exception"
    yield "access.models"
    yield "routing.models"
