"""How fast an answer comes in its opening stretch. Pure.

Nobody sends a count of tokens before the end, so it is estimated to the answer's favour: an event that speaks is a
token at the least, and so are four bytes of text.
"""

from __future__ import annotations

from plugins.stream.watch import Watch

BYTES_PER_TOKEN = 4


def tokens(watch: Watch) -> float:
    return max(watch.events, watch.text_bytes / BYTES_PER_TOKEN)


def drips(watch: Watch, least: float, now: float) -> bool:
    """Whether an answer that is not over has come more slowly than that, in tokens per second."""
    first = watch.first_token_at
    return first is not None and tokens(watch) < least * (now - first)
