"""Samples as they are written, by however many processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from loadtests.record.folder import as_sample
from loadtests.record.sample import Sample
from loadtests.users.keeping import LAG, SAMPLES


class Tail:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self.samples: list[Sample] = []

    def look(self) -> list[Sample]:
        """What is new. A line that is still being written is left for the next look."""
        new: list[Sample] = []
        for path in sorted(self._folder.glob(SAMPLES.format("*"))):
            at = self._read.get(path, 0)
            with path.open("rb") as file:
                file.seek(at)
                data = file.read()
            end = data.rfind(b"\n") + 1
            self._read[path] = at + end
            new += [as_sample(orjson.loads(line)) for line in data[:end].splitlines()]
        self.samples += new
        return new

    def lags(self) -> list[dict[str, Any]]:
        """Of each process, as it has last said."""
        return [orjson.loads(path.read_bytes()) for path in sorted(self._folder.glob(LAG.format("*")))]

    def clear(self) -> None:
        """The folder keeps the merged samples alone."""
        for path in self._folder.glob("*.part"):
            path.unlink()
