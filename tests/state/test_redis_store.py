"""What a store of Redis' says when it fails, whatever the client's error says."""

from __future__ import annotations

import pytest
from redis.exceptions import AuthenticationError

from plugins.state.address import read
from plugins.state.redis_store import RedisStore


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TimeoutError(), "no answer in time"),
        (ConnectionResetError(), "ConnectionResetError"),
        (AuthenticationError("AUTH me pa55word\nand other-one"), "AUTH me … and …"),
    ],
)
def test_an_error_is_one_line_without_a_password(error: Exception, says: str) -> None:
    store = RedisStore(read("redis+sentinel://me:pa55word@here/main?sentinel_password=other-one"))

    assert store._sentence(error) == f"redis+sentinel://here:26379/main: {says}"
