"""litellm_config.yaml, read with our eyes: which targets it declares and what they still need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from plugins.config.files import shown
from plugins.config.located import Located, read
from plugins.config.problem import Problem
from plugins.policy.targets import CEREBRAS, Deployed, Target

REFERENCE = "os.environ/"


def load(path: Path) -> tuple[Located, list[Problem]]:
    try:
        document, problems = read(shown(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        document = Located(shown(path), None)
        return document, [document.problem((), f"cannot be read, {error}", cure="start LiteLLM with --config")]
    if document.data is not None and not isinstance(document.data, dict):
        problems.append(document.problem((), "must be a mapping", cure="see the shipped litellm_config.yaml"))
    return document, problems


def deployed(document: Located, environment: Mapping[str, str]) -> Deployed:
    return Deployed(target for _, target in targets(document, environment))


def targets(document: Located, environment: Mapping[str, str]) -> Iterator[tuple[int, Target]]:
    """Each well-formed row of model_list, with its index. Malformed rows are LiteLLM's to refuse."""
    for index, row in enumerate(section(document, "model_list", list)):
        parameters = row.get("litellm_params") if isinstance(row, dict) else None
        if not isinstance(parameters, dict) or not isinstance(parameters.get("model"), str):
            continue
        info = row["model_info"] if isinstance(row.get("model_info"), dict) else {}
        order = parameters.get("order", 1)
        provider, upstream = _upstream(parameters)
        named = environment.get(str(info.get("model_from_env", ""))) or upstream
        yield (
            index,
            Target(
                deployment=str(info.get("id", f"model_list[{index}]")),
                model=str(row.get("model_name", "")),
                provider=provider,
                upstream_model=named,
                order=order if isinstance(order, int) else 1,
                missing=_missing(provider, parameters, environment),
                base=str(parameters.get("api_base") or ""),
                credential=str(parameters.get("api_key") or ""),
            ),
        )


def section(document: Located, name: str, kind: type[Any]) -> Any:
    value = document.data.get(name) if isinstance(document.data, dict) else None
    return value if isinstance(value, kind) else kind()


def _upstream(parameters: Mapping[str, Any]) -> tuple[str, str]:
    provider, slash, name = parameters["model"].partition("/")
    if parameters.get("custom_llm_provider"):
        return str(parameters["custom_llm_provider"]), parameters["model"]
    return (provider, name) if slash else ("openai", provider)


def _missing(provider: str, parameters: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Variables without which a call would go astray.

    Cerebras has a public address of its own, so its base may stay unset; any other provider without one would be
    asked at api.openai.com. A server with an address of its own may do without a key.
    """
    unset = {
        name: value.removeprefix(REFERENCE)
        for name in ("api_base", "api_key")
        if isinstance(value := parameters.get(name), str)
        and value.startswith(REFERENCE)
        and not environment.get(value.removeprefix(REFERENCE))
    }
    has_base = bool(parameters.get("api_base")) and "api_base" not in unset
    if provider == CEREBRAS:
        unset.pop("api_base", None)
    if has_base:
        unset.pop("api_key", None)
    return tuple(unset.values())
