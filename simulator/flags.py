"""The command line, made from the knobs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from simulator.door import Persona
from simulator.knobs import KnobError, Knobs, turn


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence; the usage of forty flags would bury it."""
        self.exit(2, f"simulator: {message}, see --help\n")


class Settings(argparse.Namespace):
    persona: Persona
    host: str
    port: int
    knobs: Knobs


def read(arguments: Sequence[str]) -> Settings:
    """Settings from flags over the YAML file over defaults. Exits 2 with one sentence if they make no sense."""
    given = vars(_parser().parse_args(arguments))
    settings = Settings(persona=given.pop("persona"), host=given.pop("host"), port=given.pop("port"))
    try:
        settings.knobs = turn(_from_file(given.pop("knobs", None)), given, "flags")
    except KnobError as error:
        sys.stderr.write(f"simulator: {error}\n")
        raise SystemExit(2) from None
    return settings


def _from_file(path: str | None) -> Knobs:
    if path is None:
        return Knobs()
    try:
        changes = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise KnobError(f"--knobs: cannot read {path!r} ({reason}), give a YAML file of knobs") from error
    if not isinstance(changes, dict):
        raise KnobError(f"{path}: must be a mapping of knobs, such as `pace: 2300`")
    return turn(Knobs(), changes, path)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m simulator",
        description="A stand-in provider. Every knob is a flag, a key of the --knobs file, a field of PUT "
        "/simulator/knobs, and a directive of one request: header `x-simulator: fault=cut,after=40` or model "
        "`gpt-oss-120b+fault=cut,after=40`.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--persona", choices=get_args(Persona), default="cerebras", help="whose wire format (cerebras)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on, 0 for a free one (0)")
    parser.add_argument("--knobs", metavar="FILE", help="YAML file of knobs; flags win over it")
    for name, field in Knobs.model_fields.items():
        _add(parser, name, field)
    return parser


def _add(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    flag = "--" + name.replace("_", "-")
    text = f"{field.description}{_shown(field.default)}".replace("%", "%%")
    if field.annotation is bool:
        parser.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, help=text)
        return
    parser.add_argument(flag, dest=name, metavar=_metavar(field), help=text)


def _metavar(field: FieldInfo) -> str:
    kinds: tuple[Any, ...] = get_args(field.annotation)
    if get_origin(field.annotation) is Literal:
        return "|".join(str(kind) for kind in kinds)
    if get_origin(field.annotation) is tuple:
        return "NAMES"
    named = next((kind for kind in kinds if kind is not type(None)), field.annotation)
    return {"str": "TEXT", "int": "N", "float": "N", "date": "YYYY-MM-DD"}.get(getattr(named, "__name__", ""), "VALUE")


def _shown(default: object) -> str:
    """The default behind a description that does not tell it itself."""
    if default is None or default == ():
        return ""
    return f" ({str(default).lower() if isinstance(default, bool) else default})"
