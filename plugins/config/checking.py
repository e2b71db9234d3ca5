"""Everything there is to check, in one call: `waferline check`, the start of the gateway and each reload use it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from plugins.config import deployments, files
from plugins.config.crosscheck import crosscheck
from plugins.config.files import PolicySet
from plugins.config.located import Located
from plugins.config.problem import Problem
from plugins.config.whole import Whole


def check(
    directory: Path, litellm_config: Path, environment: Mapping[str, str], today: date
) -> tuple[PolicySet, list[Problem]]:
    document, problems = deployments.load(litellm_config)
    loaded, found = check_against(document, directory, environment, today)
    return loaded, [*problems, *found]


def check_against(
    document: Located, directory: Path, environment: Mapping[str, str], today: date
) -> tuple[PolicySet, list[Problem]]:
    """The policies beside a configuration that was read before: a running gateway has the one it started with."""
    loaded = files.load(directory)
    problems = list(loaded.problems)
    if loaded.mended is None or not isinstance(document.data, dict):
        return loaded, problems
    whole = Whole(
        policies=loaded.mended,
        deployed=deployments.deployed(document, environment),
        documents={**loaded.documents, "litellm": document},
        environment=environment,
        today=today,
    )
    return loaded, [*problems, *crosscheck(whole, loaded.beyond_mending)]
