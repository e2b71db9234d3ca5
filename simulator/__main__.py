"""python -m simulator: one provider on one port, until it is told to stop."""

import asyncio
import gc
import signal
import sys

from simulator import flags
from simulator.connection import Connection
from simulator.service import Service
from simulator.wheel import Wheel


async def serve(settings: flags.Settings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    wheel = Wheel(loop)
    service = Service(settings.persona, settings.knobs, wheel)
    server = await loop.create_server(lambda: Connection(service), settings.host, settings.port, backlog=1024)
    host, port = server.sockets[0].getsockname()[:2]
    sys.stdout.write(f"simulator ({settings.persona}) listening on http://{host}:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    for connection in list(service.connections):
        connection.transport.abort()
    wheel.close()


def main() -> int:
    settings = flags.read(sys.argv[1:])
    gc.freeze()  # what is loaded now lives as long as the process; a collection need not look at it
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        runner = asyncio.Runner()
    else:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        try:
            runner.run(serve(settings))
        except OSError as error:
            sys.stderr.write(
                f"simulator: cannot listen on {settings.host}:{settings.port} ({error}), choose another --port\n"
            )
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
