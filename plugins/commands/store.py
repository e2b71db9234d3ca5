"""What can be said of the store that REDIS_URL names, with its own script on keys that no gateway reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plugins.commands.examined import Examined, State
from plugins.state.address import BadAddressError, StoreAddress, read
from plugins.state.store import Change, StoreError, Terms, Told

ABOUT = "store"
NAMESPACE = "waferline-doctor"


def examined(environment: Mapping[str, str], *, offline: bool) -> Iterator[Examined]:
    url = environment.get("REDIS_URL")
    if not url:
        yield Examined(ABOUT, "address", State.OK, "REDIS_URL is not set: the circuits of each gateway are its own")
        return
    try:
        address = read(url)
    except BadAddressError as error:
        yield Examined(ABOUT, "address", State.BAD, f"REDIS_URL {error.reason}", error.cure)
        return
    yield Examined(ABOUT, "address", State.OK, str(address))
    if not offline:
        yield _called(address)


def _called(address: StoreAddress) -> Examined:
    import asyncio  # noqa: PLC0415  it and the client take longer to load than all else here

    try:
        version, milliseconds = asyncio.run(_exchange(address))
    except StoreError as error:
        cure = "see that it runs and takes writes; until then each gateway decides for itself"
        return Examined(ABOUT, "exchange", State.BAD, str(error), cure)
    said = f"{milliseconds:.1f} ms, {version}"
    return Examined(ABOUT, "exchange", State.OK, said, figures={"milliseconds": milliseconds})


async def _exchange(address: StoreAddress) -> tuple[str, float]:
    """The second of two, for the first connects and brings the script."""
    import time  # noqa: PLC0415

    from plugins.state.redis_store import RedisStore  # noqa: PLC0415

    store = RedisStore(address)
    terms = Terms(NAMESPACE, kept_ms=60_000)
    try:
        for _ in range(2):
            began = time.perf_counter()
            await store.exchange("doctor", {"written": Told(change=Change.BY_HAND, hand_ms=0)}, terms)
            took = time.perf_counter() - began
        return await store.version(), took * 1000
    finally:
        await store.close()
