"""All files together, as far as a rule may look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from plugins.config.located import Located, Place
from plugins.config.problem import Level, Problem
from plugins.policy.engine import Policies, public_names
from plugins.policy.targets import Deployed


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything a rule may look at."""

    policies: Policies
    deployed: Deployed
    documents: Mapping[str, Located]  # by stem; litellm_config.yaml is 'litellm'
    environment: Mapping[str, str]
    today: date

    def problem(
        self, stem: str, place: Place, what: str, cure: str, level: Level = Level.ERROR, *, stops: bool = True
    ) -> Problem:
        return self.documents[stem].problem(place, what, cure=cure, level=level, stops=stops)

    @property
    def names(self) -> list[str]:
        return public_names(self.policies, self.deployed)


Rule = Callable[[Whole], Iterator[Problem]]


def nearest(name: str, known: object, otherwise: str) -> str:
    near = (
        get_close_matches(name, [str(each) for each in known], n=1)
        if isinstance(known, (list, tuple, set, dict))
        else []
    )
    return f"did you mean {near[0]!r}?" if near else otherwise
