"""Plain Locust with our users: `locust -f loadtests/locustfile.py --host https://gateway.example/v1 --model chat`.

Its page, `--headless`, `--processes`, `--master` and `--worker` work as ever. `python -m loadtests run` starts it too,
with a job file; then nothing else is read.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# Locust imports this file by its path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.runners import MasterRunner, WorkerRunner

from loadtests.exits import Exit
from loadtests.page.mount import mount
from loadtests.plan.job import VARIABLE, Job
from loadtests.plan.standalone import OPTIONS, StandaloneError, is_staged, job_from
from loadtests.shapes.shares import MESSAGE
from loadtests.shapes.stages import StagesShape
from loadtests.users.closed import ClosedUser
from loadtests.users.dispatcher import Dispatcher
from loadtests.users.part import Part
from loadtests.users.session import Session
from loadtests.users.telling import fine_buckets


class Closed(ClosedUser):
    """Asks again when it has its answer."""


class Open(Dispatcher):
    """Asks whether answers come or not; one per process."""


part = Part()
fine_buckets()


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    for option in OPTIONS:
        parser.add_argument(option.flag, default=option.default, help=option.text)


@events.init.add_listener
def choose(environment: Any, **_: Any) -> None:
    """Which of the users above there are, once it is known what was asked for."""
    options = vars(environment.parsed_options)
    try:
        job = _job(options)
    except StandaloneError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(Exit.SET_UP)
    environment.user_classes = [Open if job.scenario.is_open else Closed]
    if environment.web_ui is not None:
        mount(environment)
    if VARIABLE in os.environ or is_staged(options):
        environment.shape_class = StagesShape(job, environment.runner)
    if not isinstance(environment.runner, MasterRunner):
        environment.runner.register_message(MESSAGE, part.hear)


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    """Locust's page may have been given another host meanwhile."""
    if isinstance(environment.runner, MasterRunner):
        return
    options = vars(environment.parsed_options)
    job = _job({**options, "host": environment.host or options.get("host")})
    index = environment.runner.worker_index if isinstance(environment.runner, WorkerRunner) else 0
    session = Session(job, environment, max(index, 0), part)
    Closed.session = Open.session = session
    session.begin()


@events.test_stop.add_listener
def end(environment: Any, **_: Any) -> None:
    if not isinstance(environment.runner, MasterRunner):
        Closed.session.end()


def _job(options: dict[str, Any]) -> Job:
    if VARIABLE in os.environ:
        return Job.model_validate_json(Path(os.environ[VARIABLE]).read_bytes())
    return job_from(options, os.environ)
