"""Which policy files there are, and reading them all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from plugins.config.located import Located, read
from plugins.config.problem import Problem
from plugins.config.validate import salvage, validate
from plugins.policy.access import AccessFile
from plugins.policy.catalog import Catalog
from plugins.policy.circuits import CircuitsFile
from plugins.policy.engine import Policies
from plugins.policy.lifecycle import LifecycleFile
from plugins.policy.routing import RoutingFile
from plugins.policy.streaming import StreamingFile

ROOT = Path(__file__).resolve().parents[2]

FILES: Mapping[str, type[BaseModel]] = {
    "models": Catalog,
    "lifecycle": LifecycleFile,
    "streaming": StreamingFile,
    "routing": RoutingFile,
    "access": AccessFile,
    "circuits": CircuitsFile,
}


EMPTY: Mapping[str, Callable[[], BaseModel]] = {
    **FILES,
    "models": lambda: Catalog(verified_on=date.min, provider="cerebras", models={}),
}


@dataclass(frozen=True, slots=True)
class PolicySet:
    """What was read: the policies when every file is valid, the documents for the lines, and all problems."""

    policies: Policies | None
    documents: Mapping[str, Located]
    problems: tuple[Problem, ...]
    mended: Policies | None = None  # the same without its mistakes, to compare the files with each other
    beyond_mending: frozenset[str] = frozenset()  # the files of which nothing can be said


def policies_directory(environment: Mapping[str, str]) -> Path:
    return ROOT / (environment.get("WAFERLINE_POLICIES") or "policies")


def shown(path: Path) -> str:
    """A path as the reader knows it: from where the product stands."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def load(directory: Path) -> PolicySet:
    documents: dict[str, Located] = {}
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    version = sha256()
    for stem, model in FILES.items():
        path = directory / f"{stem}.yaml"
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(_unreadable(path, error))
            continue
        version.update(f"{stem}\0{text}\0".encode())
        documents[stem], found = read(shown(path), text)
        settings[stem], invalid = validate(documents[stem], model)
        problems += [*found, *invalid]
    if not problems:
        policies = _policies(settings, version.hexdigest()[:12])
        return PolicySet(policies, documents, (), mended=policies)
    for stem in FILES:
        if settings.get(stem) is None and stem in documents and documents[stem].data is not None:
            settings[stem] = salvage(documents[stem], FILES[stem])
    lost = frozenset(stem for stem in FILES if settings.get(stem) is None)
    whole = {stem: EMPTY[stem]() if stem in lost else settings[stem] for stem in FILES}
    return PolicySet(None, documents, tuple(problems), _policies(whole, "mended"), lost)


def _policies(settings: Mapping[str, Any], version: str) -> Policies:
    return Policies(
        catalog=settings["models"],
        lifecycle=settings["lifecycle"],
        streaming=settings["streaming"],
        routing=settings["routing"],
        access=settings["access"],
        circuits=settings["circuits"],
        version=version,
    )


def _unreadable(path: Path, error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError):
        cure = "copy it from the shipped policies/, or point WAFERLINE_POLICIES at the right directory"
        return Problem(shown(path), 1, "", "the file is missing", cure=cure)
    return Problem(shown(path), 1, "", f"cannot be read, {error}", cure="check its permissions and that it is UTF-8")


def beside(config: Path) -> Callable[[str], str | None]:
    """Sources are read where LiteLLM looks first: beside its configuration."""

    def source(module: str) -> str | None:
        try:
            return config.parent.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError):
            return None

    return source
