"""The policies, asked in order. Front, gate, `waferline explain` and `waferline test` all decide here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches

from plugins.policy import access, lifecycle, routing, streaming
from plugins.policy.access import AccessFile, Client
from plugins.policy.catalog import Catalog, find
from plugins.policy.circuits import CircuitsFile
from plugins.policy.lifecycle import LifecycleFile
from plugins.policy.routing import Route, RoutingFile
from plugins.policy.streaming import StreamingFile
from plugins.policy.targets import CEREBRAS, Deployed, Target
from plugins.policy.verdict import Allow, Amend, Refuse, StreamMode, Verdict, listed


@dataclass(frozen=True, slots=True)
class Policies:
    """One consistent set. A reload makes a new one; a request keeps the one it began with."""

    catalog: Catalog
    lifecycle: LifecycleFile
    streaming: StreamingFile
    routing: RoutingFile
    access: AccessFile
    circuits: CircuitsFile = field(default_factory=CircuitsFile)
    version: str = "unsaved"


@dataclass(frozen=True, slots=True)
class Ask:
    model: str
    stream: bool
    client: Client
    today: date
    json_mode: bool = False  # response_format json_object, which Cerebras does not stream


@dataclass(frozen=True, slots=True)
class Step:
    """One policy's verdict, on the request or on one of its models or targets."""

    policy: str
    subject: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    ask: Ask
    steps: tuple[Step, ...]
    route: Route
    targets: tuple[Target, ...] = ()
    refusal: Refuse | None = None
    stream_mode: StreamMode = StreamMode.AS_ASKED
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that may serve, best first."""
        return tuple(dict.fromkeys(target.model for target in self.targets))

    def target(self, deployment: str | None) -> Target | None:
        return next((target for target in self.targets if target.deployment == deployment), None)


def decide(policies: Policies, deployed: Deployed, ask: Ask) -> Decision:
    """Every policy is asked even after one refused, so that `explain` can show them all; the first refusal counts."""
    route = routing.resolve(policies.routing, ask.model)
    steps = [Step("access", ask.client.name, access.decide(policies.access, ask.client, ask.model, ask.today))]
    headers: dict[str, str] = {}
    targets: list[Target] = []
    refusals: list[Refuse] = []
    for name in route.models:
        judged = _serve(policies, deployed, ask, name)
        steps.extend(judged.steps)
        if not targets:
            headers = dict(judged.headers)  # they speak of the model that serves, not of those behind it
        known = {target.called for target in targets}
        targets.extend(target for target in judged.targets if target.called not in known)
        if judged.refusal:
            refusals.append(judged.refusal)
    streamed = streaming.decide(
        policies.streaming,
        stream=ask.stream,
        asked=ask.model,
        workload=route.workload,
        models=list(dict.fromkeys(target.model for target in targets)) or route.models,
        client=ask.client.name,
        today=ask.today,
        json_mode=ask.json_mode,
    )
    steps.append(Step("streaming", ask.model, streamed))
    refusal = _first_refusal(targets, refusals, steps)
    mode = streamed.stream if isinstance(streamed, Amend) and streamed.stream else StreamMode.AS_ASKED
    if refusal:
        return Decision(ask, tuple(steps), route, refusal=refusal, stream_mode=mode)
    return Decision(ask, tuple(steps), route, tuple(targets), None, mode, headers)


class Precedents:
    """Decisions made before: the same question under the same policies has the same answer."""

    def __init__(self, deployed: Deployed, most: int = 1024) -> None:
        self._deployed = deployed
        self._most = most
        self._policies: Policies | None = None
        self._known: dict[Ask, Decision] = {}

    def decide(self, policies: Policies, ask: Ask) -> Decision:
        if policies is not self._policies or len(self._known) >= self._most:
            self._policies, self._known = policies, {}
        found = self._known.get(ask)
        if found is None:
            found = self._known[ask] = decide(policies, self._deployed, ask)
        return found


# The other policies judge single models and targets, of which one that may serve is enough.
_ON_THE_WHOLE_REQUEST = frozenset({"access", "streaming"})


def _first_refusal(targets: list[Target], unserved: list[Refuse], steps: list[Step]) -> Refuse | None:
    """What the client is told: that the model is gone matters more than that it was not the client's to use."""
    if not targets and unserved:
        return unserved[0]
    whole = (step.verdict for step in steps if step.policy in _ON_THE_WHOLE_REQUEST)
    return next((verdict for verdict in whole if isinstance(verdict, Refuse)), None)


@dataclass(frozen=True, slots=True)
class _Served:
    steps: tuple[Step, ...]
    targets: tuple[Target, ...] = ()
    refusal: Refuse | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _serve(policies: Policies, deployed: Deployed, ask: Ask, name: str) -> _Served:
    """The targets behind one model that may be called, or why there are none."""
    listed_as = find(policies.catalog, name)
    if listed_as or name not in deployed.models:
        verdict = _judge(policies, ask, name, name) if listed_as else _undeclared(policies, deployed, ask, name)
        step = Step("lifecycle" if listed_as else "routing", name, verdict)
        if isinstance(verdict, Refuse):
            return _Served((step,), refusal=verdict)
        successor = verdict.model if isinstance(verdict, Amend) else None
        if (successor or name) not in deployed.models:
            missing = _undeclared(policies, deployed, ask, successor or name)
            return _Served((step, Step("routing", successor or name, missing)), refusal=missing)
        served = _callable(policies, deployed, ask, successor or name)
        headers = verdict.headers if isinstance(verdict, Amend) else {}
        return _Served((step, *served.steps), served.targets, served.refusal, {**served.headers, **headers})
    return _callable(policies, deployed, ask, name)


def _callable(policies: Policies, deployed: Deployed, ask: Ask, model: str) -> _Served:
    """Each target on its own: its upstream model may be on its way out even where the public name says nothing."""
    steps: list[Step] = []
    targets: list[Target] = []
    headers: dict[str, str] = {}
    for target in deployed.of(model):
        verdict = judge_target(policies, ask, target)
        if not (isinstance(verdict, Allow) and target.upstream_model == model):
            steps.append(Step("lifecycle", target.deployment, verdict))
        if isinstance(verdict, Refuse):
            continue
        if target.ready:
            if not targets and isinstance(verdict, Amend):
                headers = dict(verdict.headers)
            targets.append(target)
        else:
            steps.append(Step("routing", target.deployment, _not_ready(target)))
    if targets:
        return _Served(tuple(steps), tuple(targets), headers=headers)
    refusals = [step.verdict for step in steps if isinstance(step.verdict, Refuse)]
    return _Served(tuple(steps), refusal=refusals[0] if refusals else _undeclared(policies, deployed, ask, model))


def judge_target(policies: Policies, ask: Ask, target: Target) -> Verdict:
    """Lifecycle of what would really be called. Only Cerebras retires Cerebras models; others serve what they serve."""
    if target.provider != CEREBRAS:
        return Allow("lifecycle.elsewhere", f"{target.provider} serves {target.upstream_model!r} by its own lifecycle")
    # A target cannot be turned into another one; the successor's own targets are reached by its own name.
    return _judge(policies, ask, target.upstream_model, target.model, replaceable=False)


def _judge(policies: Policies, ask: Ask, name: str, public_name: str, *, replaceable: bool = True) -> Verdict:
    return lifecycle.judge(
        policies.lifecycle,
        policies.catalog,
        name,
        ask.client.name,
        ask.today,
        asked_as=(ask.model, public_name),
        replaceable=replaceable,
    )


def _not_ready(target: Target) -> Refuse:
    cure = f"set {listed(target.missing)}"
    return Refuse("routing.not_ready", f"{target.deployment!r} is not configured", cure, 503, "target_not_configured")


def _undeclared(policies: Policies, deployed: Deployed, ask: Ask, name: str) -> Refuse:
    served = [each for each in public_names(policies, deployed) if may_see(policies, ask.client, each, ask.today)]
    bare = name.lower().rpartition("/")[2]  # people write cerebras/gpt-oss-120b, as LiteLLM does
    near = get_close_matches(bare, served, n=1, cutoff=0.75)
    reason = f"{name[:128]!r} is not served here"  # a path can be longer than a name in a body may be
    cure = f"did you mean {near[0]!r}?" if near else f"served: {listed(served)}"
    return Refuse("routing.models", reason, cure, 404, "model_not_found")


def public_names(policies: Policies, deployed: Deployed) -> list[str]:
    return [*policies.routing.workloads, *(name for name in deployed.models if name not in policies.routing.workloads)]


def may_see(policies: Policies, client: Client, name: str, today: date) -> bool:
    return not isinstance(access.decide(policies.access, client, name, today), Refuse)


def servable(policies: Policies, deployed: Deployed, client: Client, today: date) -> list[str]:
    """The names this client would be served under today: what /v1/models lists."""
    names = public_names(policies, deployed)
    return [name for name in names if decide(policies, deployed, Ask(name, True, client, today)).refusal is None]
