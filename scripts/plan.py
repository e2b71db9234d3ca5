"""What `make run` starts, decided from the environment alone: a Plan, or a Refusal with its cure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from plugins.config.environment import CEREBRAS_BASE, DEMO_KEY, NEW_KEY, is_loopback, provider_hosts, unsafe
from plugins.policy.targets import NO_KEY

# What the gateway runs with unless the user says otherwise; the Dockerfile sets the same.
GATEWAY_SETTINGS = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # no price list is fetched at start
    "LITELLM_DONT_SHOW_FEEDBACK_BOX": "true",
    "HF_HUB_OFFLINE": "1",  # no tokenizer is fetched while requests wait
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
    "NO_REDOC": "True",
    "REPEATED_STREAMING_CHUNK_LIMIT": "100000",  # by default 100 equal chunks in a row abort a stream
    "PYTHONUNBUFFERED": "1",
}
# LiteLLM would migrate and use any database it finds; Waferline runs without one.
DATABASES = ("DATABASE_URL", "DIRECT_URL", "DATABASE_URL_READ_REPLICA")
PROVIDER_VARIABLES = (
    "CEREBRAS_API_KEY",
    "CEREBRAS_API_BASE",
    "FALLBACK_API_BASE",
    "FALLBACK_API_KEY",
    "FALLBACK_MODEL",
    "LITELLM_MASTER_KEY",
    "REDIS_URL",
    "WAFERLINE_POLICIES",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: str
    cure: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.cure}"


@dataclass(frozen=True, slots=True)
class Simulator:
    """A stand-in provider, and the variable through which the gateway finds it."""

    persona: str
    base_variable: str


@dataclass(frozen=True, slots=True)
class Plan:
    host: str
    port: int
    master_key: str
    simulators: tuple[Simulator, ...]
    environment: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where a client on this machine finds the gateway."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def environment_with(self, bases: Mapping[str, str]) -> dict[str, str]:
        """The gateway's environment once the simulators have said where they listen."""
        return {**self.environment, **bases}


def decide(variables: Mapping[str, str]) -> Plan | Refusal:
    given = {name: value for name, value in variables.items() if value or name not in PROVIDER_VARIABLES}
    refusal = _bad_port(given) or _bad_bases(given) or _bad_key(given)
    if refusal:
        return refusal
    simulators = _simulators(given)
    key = given.get("LITELLM_MASTER_KEY", DEMO_KEY)
    environment = {
        **GATEWAY_SETTINGS,
        **{name: value for name, value in given.items() if name not in DATABASES},
        **_provider_keys(given, simulators),
        "LITELLM_MASTER_KEY": key,
    }
    if simulators:
        environment |= _reached_directly(given)
    return Plan(
        host=_host(given),
        port=int(_port(given)),
        master_key=key,
        simulators=simulators,
        environment=environment,
        notes=tuple(_notes(given, simulators)),
    )


def _host(given: Mapping[str, str]) -> str:
    return given.get("HOST") or "127.0.0.1"


def _port(given: Mapping[str, str]) -> str:
    return given.get("PORT") or "4000"


def _cerebras_is_simulated(given: Mapping[str, str]) -> bool:
    return "CEREBRAS_API_KEY" not in given and "CEREBRAS_API_BASE" not in given


def _simulators(given: Mapping[str, str]) -> tuple[Simulator, ...]:
    """Beside a Cerebras that is not simulated nothing is: made-up text must never answer real traffic."""
    if not _cerebras_is_simulated(given):
        return ()
    cerebras = Simulator("cerebras", "CEREBRAS_API_BASE")
    return (cerebras,) if "FALLBACK_API_BASE" in given else (cerebras, Simulator("openai", "FALLBACK_API_BASE"))


def _provider_keys(given: Mapping[str, str], simulators: tuple[Simulator, ...]) -> dict[str, str]:
    simulated = {simulator.base_variable.replace("_BASE", "_KEY"): "simulated" for simulator in simulators}
    keyless = {
        key: NO_KEY
        for key, base in (("CEREBRAS_API_KEY", "CEREBRAS_API_BASE"), ("FALLBACK_API_KEY", "FALLBACK_API_BASE"))
        if base in given and key not in given
    }
    return keyless | simulated


def _bad_port(given: Mapping[str, str]) -> Refusal | None:
    port = _port(given)
    if port.isascii() and port.isdigit() and 1 <= int(port) <= 65535:
        return None
    return Refusal(f"PORT is {port!r}, not a number from 1 to 65535", "for example `export PORT=4000`")


def _bad_bases(given: Mapping[str, str]) -> Refusal | None:
    for name, example in (
        ("CEREBRAS_API_BASE", CEREBRAS_BASE),
        ("FALLBACK_API_BASE", "https://api.openai.com/v1"),
    ):
        if name in given and not _is_base(given[name]):
            return Refusal(f"{name} is not an address of a provider", f"for example `export {name}={example}`")
    return None


def _is_base(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _bad_key(given: Mapping[str, str]) -> Refusal | None:
    key = given.get("LITELLM_MASTER_KEY", DEMO_KEY)
    complaint = unsafe(key, provider_hosts(given))
    if complaint:
        reason, _, cure = complaint.partition(": ")
        return Refusal(reason, cure)
    if key == DEMO_KEY and not is_loopback(_host(given)):
        return Refusal(
            f"HOST {_host(given)} is open to others, and the demo key is for this machine only", f"`{NEW_KEY}`"
        )
    return None


def _reached_directly(given: Mapping[str, str]) -> dict[str, str]:
    """A proxy for the outside world must not be asked for a simulator on this machine."""
    known = given.get("no_proxy") or given.get("NO_PROXY")
    value = f"{known},127.0.0.1" if known else "127.0.0.1"
    return {"no_proxy": value, "NO_PROXY": value}


def _notes(given: Mapping[str, str], simulators: tuple[Simulator, ...]) -> list[str]:
    notes = []
    if simulators:
        who = "Cerebras and the fallback are" if len(simulators) > 1 else "Cerebras is"
        notes.append(f"{who} simulated, their answers are made up; for real ones `export CEREBRAS_API_KEY=csk-...`.")
    elif "FALLBACK_API_BASE" not in given:
        notes.append(
            "warning: no fallback behind Cerebras; `export FALLBACK_API_BASE=... FALLBACK_API_KEY=...` adds one."
        )
    if given.get("LITELLM_MASTER_KEY", DEMO_KEY) == DEMO_KEY:
        notes.append(f"warning: the master key is the demo key that everybody knows; `{NEW_KEY}` makes your own.")
    notes += [f"{name} is not passed on: Waferline runs without a database." for name in DATABASES if given.get(name)]
    return notes
