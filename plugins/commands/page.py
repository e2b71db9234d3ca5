"""What a command writes on: plain aligned text, colour for people, or JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

_STYLES = {"strong": "1", "faint": "2", "bad": "31", "good": "32", "odd": "33"}
_RESET = "\033[0m"


class Page:
    def __init__(self, out: TextIO, *, colour: bool = False) -> None:
        self._out = out
        self._colour = colour

    def line(self, text: str = "") -> None:
        self._out.write(f"{text.rstrip()}\n")

    def json(self, value: Any) -> None:
        self._out.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")

    def styled(self, style: str, text: str) -> str:
        return f"\033[{_STYLES[style]}m{text}{_RESET}" if self._colour and text else text

    def table(self, rows: Sequence[Sequence[str]], headings: Sequence[str] = (), indent: str = "") -> None:
        """Columns as wide as their widest cell, but for the last one. A column that nobody fills is left out."""
        kept = [column for column in range(len(rows[0])) if any(row[column] for row in rows)] if rows else []
        titled = [headings, *rows] if headings else rows
        widths = [max(len(row[column]) for row in titled) for column in kept]
        for number, row in enumerate(titled):
            cells = [row[column].ljust(width) for column, width in zip(kept, widths, strict=True)]
            text = "  ".join(cells).rstrip()
            self.line(indent + (self.styled("faint", text) if headings and number == 0 else text))

    def facts(self, facts: Mapping[str, str | Sequence[str]], indent: str = "") -> None:
        """A name, and what there is to say about it, on as many lines as it takes."""
        width = max(map(len, facts), default=0)
        for name, value in facts.items():
            for number, text in enumerate([value] if isinstance(value, str) else value):
                self.line(f"{indent}{self.styled('faint', (name if number == 0 else '').ljust(width))}  {text}")


def counted(number: int, thing: str, plural: str | None = None) -> str:
    return f"{number} {thing if number == 1 else plural or thing + 's'}"
