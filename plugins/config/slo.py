"""Reading policies/slo.yaml. A gateway starts without it, and whatever is wrong in it stops no gateway."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from plugins.config.files import shown
from plugins.config.located import Located, read
from plugins.config.problem import Problem
from plugins.config.validate import validate
from plugins.config.whole import nearest
from plugins.policy.slo import SloFile


def read_slo(path: Path) -> tuple[SloFile | None, Located | None, list[Problem]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cure = "name the right file, or copy policies/slo.yaml"
        return None, None, [Problem(shown(path), 1, "", f"cannot be read, {error}", cure=cure)]
    document, found = read(shown(path), text)
    slo, invalid = validate(document, SloFile)
    problems = [*found, *invalid, *(_disorder(slo, document) if slo else ())]
    return (None if problems else slo), document, problems


def check_slo(policies: Path, names: Collection[str] | None) -> list[Problem]:
    """All problems of a directory's slo.yaml; of a directory without one, none. No names, no question whether they are
    known."""
    path = policies / "slo.yaml"
    if not path.exists():
        return []
    slo, document, problems = read_slo(path)
    if slo is None or document is None or names is None:
        return problems
    return [*problems, *_strangers(slo, document, list(names))]


def _disorder(slo: SloFile, document: Located) -> Iterator[Problem]:
    """Each file's own percentiles rise; together with the default's they need not."""
    for name in slo.workloads:
        merged = slo.levels(name).first_token_ms.model_dump()
        written = {percentile: value for percentile, value in merged.items() if value is not None}
        if list(written.values()) != sorted(written.values()):
            said = ", ".join(f"{percentile} {value:g}" for percentile, value in written.items())
            what = f"with the default's percentiles a later one is smaller than an earlier one, {said}"
            yield document.problem(("workloads", name, "first_token_ms"), what, cure="write all of them here")


def _strangers(slo: SloFile, document: Located, names: list[str]) -> Iterator[Problem]:
    for name in slo.workloads:
        if name not in names:
            cure = nearest(name, names, "remove the promise")
            yield document.problem(
                ("workloads", name), "is promised to nobody, no workload or model is so named", cure=cure
            )
