"""What every policy file shares: the strict base, names, and exceptions with an expiry date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]


class Settings(BaseModel):
    """A misspelt key is an error, and nothing changes after it was checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Waiver(Settings):
    """One client may do for a while what this policy refuses everybody else."""

    client: Name = Field(description="The client's name in policies/access.yaml, or 'master' for the master key.")
    models: list[Name] = Field(min_length=1, description="The models or workloads the exception is for.")
    until: date = Field(description="The last day on which it holds (UTC).")
    reason: str = Field(min_length=1, description="Why; shown by `waferline explain`.")


def waived(waivers: Iterable[Waiver], client: str, names: Iterable[str | None], today: date) -> Waiver | None:
    wanted = set(names)
    for waiver in waivers:
        if waiver.client == client and today <= waiver.until and wanted.intersection(waiver.models):
            return waiver
    return None
