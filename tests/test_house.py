"""The house keeps its shape: who may import whom, how long a module may be, and a map that names every room."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import plugins

ROOT = Path(__file__).parents[1]
ROOMS = ("plugins", "simulator", "scripts", "loadtests")
LONGEST_MODULE = 350

# Who may import whom of ours. The longest entry that names a module holds for it; whoever is not named imports nothing.
# What lies within a room may always be imported there.
NOBODY: tuple[str, ...] = ()
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "plugins.callbacks": ("plugins.hooks", "plugins.telemetry.age", "plugins.wiring"),
    "plugins.wiring": ("plugins",),
    "plugins.cli": ("plugins.commands", "plugins.config", "plugins.policy"),
    "plugins.commands": (
        "plugins.config",
        "plugins.policy",
        "plugins.front.lane",
        "plugins.telemetry",
        "plugins.state",
        "plugins.upstream",  # the doctor calls targets as the gateway does
    ),
    "plugins.config": ("plugins.policy",),
    "plugins.policy": NOBODY,
    "plugins.circuit": ("plugins.policy", "plugins.telemetry", "plugins.state.store"),
    "plugins.state": NOBODY,
    "plugins.stream": NOBODY,
    "plugins.dialect": ("plugins.policy",),
    "plugins.telemetry": ("plugins.policy", "plugins.stream", "plugins.dialect"),
    "plugins.upstream": (
        "plugins.policy",
        "plugins.circuit",
        "plugins.state.store",
        "plugins.stream",
        "plugins.dialect",
        "plugins.telemetry",
    ),
    # Of config only the store with the policies in force.
    "plugins.front": (
        "plugins.policy",
        "plugins.circuit",
        "plugins.stream",
        "plugins.dialect",
        "plugins.telemetry",
        "plugins.upstream",
        "plugins.config.reload",
    ),
    # Of the front only the type of an ASGI application, which is what hooks mount; nothing of config.
    "plugins.hooks": ("plugins.policy", "plugins.circuit", "plugins.telemetry", "plugins.front.asgi"),
    # Of upstream what is offered to LiteLLM, and what it hears of it.
    "plugins.hooks.idle": (
        "plugins.telemetry",
        "plugins.front.asgi",
        "plugins.upstream.heard",
        "plugins.upstream.shortcut",
    ),
    "simulator": ("plugins.stream",),
    # Files of load tests are as strict as policies and complain in the same way.
    "loadtests": (
        "plugins.stream",
        "plugins.config.located",
        "plugins.config.problem",
        "plugins.config.schema",
        "plugins.config.validate",
        "plugins.config.slo",  # which is checked before any load is sent
        "plugins.policy",  # what is promised, what models cost, and how fast they are said to be
        "scripts.tether",  # what they start ends with them
    ),
    "scripts": ("plugins.config", "plugins.policy.targets"),
}

# Literals in, values out: everything here runs in a REPL. Of the standard library no clock, no chance, no world.
PURE = (
    "plugins.policy",
    "plugins.circuit",
    "plugins.state.address",
    "plugins.state.memory",
    "plugins.state.store",
    "plugins.stream",
    "plugins.dialect",
    "plugins.config.loggers",
    "plugins.telemetry.event",
    "plugins.telemetry.kept",
    "plugins.front.failure",
    "plugins.front.lane",
    "plugins.front.listing",
    "loadtests.figures",
    *(f"loadtests.verdict.{each}" for each in "judge junit outage promise result sweep words".split()),
    "loadtests.compare",
    "loadtests.diagnose",
    *(f"loadtests.report.{each}" for each in "bins charts content summary svg tables timeline".split()),
    *(f"loadtests.record.{each}" for each in "sample rounding".split()),
    *(f"loadtests.measure.{each}" for each in "reader numbers outcome sampling reply request incoming".split()),
    *(f"loadtests.plan.{each}" for each in "consent cost recorded scenario".split()),
    *(f"loadtests.beside.{each}" for each in "aiperf guidellm reason table tool usage".split()),
    *(f"loadtests.engine.{each}" for each in "course merge soundness truth".split()),
    *(f"loadtests.page.{each}" for each in "figures window".split()),
    "loadtests.users.rows",
)
IMPURE = frozenset("asyncio io logging os pathlib random secrets socket subprocess sys tempfile threading time".split())
PURE_PACKAGES = frozenset(
    {"httptools", "markupsafe", "numpy", "orjson", "pydantic"}
)  # they compute, and do nothing else

# Packages that one room alone may know.
ONLY_IN = {
    "litellm": ("plugins.hooks",),
    "fastapi": ("plugins.hooks",),
    "starlette": ("plugins.hooks",),
    "aiohttp": ("loadtests",),
    "httptools": ("plugins.upstream.wire", "simulator", "loadtests"),
    "httpx": (
        "plugins.upstream.heard",
        "plugins.upstream.transport",
        "plugins.upstream.understudy",
        "plugins.hooks",
        "loadtests",
    ),
    "redis": ("plugins.state.redis_store",),
    "cerebras": ("plugins.commands", "loadtests.engine.sdk"),
    "locust": ("loadtests.locustfile", "loadtests.users", "loadtests.shapes"),
    "flask": ("loadtests.page.mount",),
    "gevent": ("loadtests.measure", "loadtests.page.mount", "loadtests.users"),
    "rich": ("loadtests.engine.view",),
    "yaml": ("plugins.config", "plugins.commands", "simulator", "loadtests"),
}


def modules(*rooms: str) -> Iterator[tuple[str, Path]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(name: str, path: Path) -> set[str]:
    """Everything it imports, wherever in the file, as dotted names down to the module."""
    found: set[str] = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            found |= {f"{base}.{alias.name}" if is_module(f"{base}.{alias.name}") else base for alias in node.names}
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path.is_dir() and name.split(".", maxsplit=1)[0] in ROOMS)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def is_ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in ROOMS


def home_of(name: str) -> str:
    return max((room for room in MAY_IMPORT if within(name, room)), key=len, default=name)


EVERY_MODULE = list(modules(*ROOMS))
OUR_MODULES = [pytest.param(name, path, id=name) for name, path in EVERY_MODULE]
PURE_MODULES = [each for each in OUR_MODULES if any(within(str(each.id), room) for room in PURE)]


@pytest.mark.parametrize(("name", "path"), OUR_MODULES)
def test_a_module_imports_only_the_rooms_it_may(name: str, path: Path) -> None:
    home = home_of(name)
    allowed = (home, *MAY_IMPORT.get(home, ()))
    strays = {each for each in imports_of(name, path) if is_ours(each) and not any(within(each, ok) for ok in allowed)}

    assert set() == strays, f"{name} may import {allowed}"


@pytest.mark.parametrize(("name", "path"), PURE_MODULES)
def test_a_pure_module_knows_neither_clock_nor_chance_nor_world(name: str, path: Path) -> None:
    tops = {each.split(".")[0] for each in imports_of(name, path) if not is_ours(each)}
    foreign = {each for each in tops if each not in sys.stdlib_module_names and each not in PURE_PACKAGES}

    assert set() == (tops & IMPURE) | foreign


@pytest.mark.parametrize(("name", "path"), PURE_MODULES)
def test_a_pure_module_never_asks_what_day_it_is(name: str, path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & {"now", "today", "utcnow"}
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert set() == asked & calls


def test_only_the_clock_knows_the_time_of_day() -> None:
    """So that nothing that is measured or waited for jumps with it; the command line is no part of a request."""
    asking = {
        name
        for name, path in modules("plugins")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node).endswith(("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"))
    }

    assert asking == {"plugins.cli", "plugins.front.clock"}


@pytest.mark.parametrize(("name", "path"), OUR_MODULES)
def test_a_foreign_package_stays_in_the_room_that_knows_it(name: str, path: Path) -> None:
    tops = {each.split(".")[0] for each in imports_of(name, path)}
    strays = {
        package
        for package, rooms in ONLY_IN.items()
        if package in tops and not any(within(name, room) for room in rooms)
    }

    assert set() == strays


def test_the_stream_room_needs_no_other_room_of_ours() -> None:
    """The simulator and the load tests take it along; whatever it imported, they would import too."""
    foreign = {
        each
        for name, path in modules("plugins/stream")
        for each in imports_of(name, path)
        if is_ours(each) and not within(each, "plugins.stream")
    }

    assert set() == foreign


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    """By room of plugins/; a circle of rooms is one room with a wall through it."""
    arrows: dict[str, set[str]] = {}
    for name, path in modules("plugins"):
        room = ".".join(name.split(".")[:2])
        arrows.setdefault(room, set()).update(
            ".".join(each.split(".")[:2]) for each in imports_of(name, path) if each.startswith("plugins.")
        )

    def reach(room: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(arrows.get(room, set()) - {room})
        while waiting:
            step = waiting.pop()
            if step not in seen:
                seen.add(step)
                waiting.extend(arrows.get(step, set()) - {step})
        return seen

    assert sorted(room for room in arrows if room in reach(room)) == []


@pytest.mark.parametrize(("name", "path"), [each for each in OUR_MODULES if str(each.id).startswith("plugins")])
def test_no_module_of_plugins_is_too_long_to_read(name: str, path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGEST_MODULE, f"{name} has {lines} lines: give part of it a module of its own"


@pytest.mark.parametrize(("name", "path"), OUR_MODULES)
def test_every_module_says_what_it_is_for(name: str, path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring, f"{name} has no docstring"


def test_the_map_names_every_room_and_every_room_is_on_the_map() -> None:
    lines = (plugins.__doc__ or "").split("Rooms", 1)[1].split("Pure means", 1)[0].splitlines()
    named = {name for line in lines if line.startswith("    ") for name in re.findall(r"\b\w+(?:/|\.py\b)", line)}
    folders = {f"{path.name}/" for path in (ROOT / "plugins").iterdir() if any(path.glob("*.py"))}
    files = {path.name for path in (ROOT / "plugins").glob("*.py") if path.name != "__init__.py"}

    assert folders | files == named


@pytest.mark.parametrize("rooms", [MAY_IMPORT.keys(), PURE, *ONLY_IN.values()])
def test_the_tables_above_name_only_rooms_that_exist(rooms: tuple[str, ...]) -> None:
    planned = {"loadtests"}  # its folder comes with its first scenario
    known = {name for name, _ in EVERY_MODULE} | set(ROOMS[1:])

    assert set() == {room for room in rooms if room not in known | planned}
