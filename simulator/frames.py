"""What playback plays: SSE events with their seconds, and how the connection ends."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["role", "reasoning", "turn", "content", "tool", "finish", "usage", "done", "error", "note", "body"]
Ending = Literal["whole", "cut", "cut_chunked", "reset", "hang"]


class Frame(NamedTuple):
    due: float  # seconds after the request arrived
    data: bytes
    tokens: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Timeline:
    frames: list[Frame]
    ending: Ending = "whole"
    ended: str = "whole"  # what the ledger says once the ending is reached
    split_characters: bool = False
    endless: bool = False
    hold_headers: bool = False  # a buffering provider has nothing to say before its end
    headers_at_once: bool = False
