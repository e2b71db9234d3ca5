"""The Dockerfile: what it says, and that carrying it out gives a gateway that answers."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.environment import ALLOWED_AT_START, PIP_INSTALL
from scripts.plan import GATEWAY_SETTINGS
from tests.scripts.image import Image, Instruction, command_of, parse
from tests.support.processes import ROOT, eventually, free_port

HADOLINT = ROOT / ".venv" / "bin" / "hadolint"
OWN_KEY = "sk-0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def instructions() -> list[Instruction]:
    return parse((ROOT / "Dockerfile").read_text())


def values(instructions: list[Instruction], keyword: str) -> list[str]:
    return [each.value for each in instructions if each.keyword == keyword]


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_image_and_the_launcher_set_the_same(instructions: list[Instruction]) -> None:
    image = dict(pair.split("=", 1) for value in values(instructions, "ENV") for pair in shlex.split(value))

    assert {name: image.get(name) for name in GATEWAY_SETTINGS} == GATEWAY_SETTINGS


def test_the_image_installs_as_make_setup_does(instructions: list[Instruction]) -> None:
    (install,) = values(instructions, "RUN")

    assert set(PIP_INSTALL) <= set(shlex.split(install))
    assert set(re.findall(r"! -name (\S+\.pth)", install)) == ALLOWED_AT_START


def test_the_user_is_a_number_that_is_not_root(instructions: list[Instruction]) -> None:
    (user,) = values(instructions, "USER")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_it_starts_stock_litellm_and_asks_it_on_the_port_it_exposes(instructions: list[Instruction]) -> None:
    commands = {each.keyword: command_of(each) for each in instructions if each.keyword in {"CMD", "HEALTHCHECK"}}

    assert commands["CMD"] == "litellm --config litellm_config.yaml".split()
    assert "int(os.environ['PORT'])" in commands["HEALTHCHECK"][-1]
    assert values(instructions, "EXPOSE") == ["4000"]


def test_what_is_copied_is_what_the_dockerignore_lets_in(instructions: list[Instruction]) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {source for value in values(instructions, "COPY") for source in shlex.split(value)[:-1]}

    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


@pytest.fixture
def image() -> Iterator[Image]:
    """In a folder that any user may enter, which pytest's own is not; in memory where that is large enough for it."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4 * 2**30
    folder = Path(tempfile.mkdtemp(prefix="waferline-image-", dir=memory if roomy else None))
    folder.chmod(0o755)
    image = Image(folder, ROOT)
    yield image
    image.make_writable()
    shutil.rmtree(folder)


def test_the_image_serves_from_a_read_only_root_as_nobody(image: Image, instructions: list[Instruction]) -> None:
    """Installs everything from the package index: about a minute."""
    image.build(instructions)
    image.make_read_only()
    port = free_port()
    log = image.root / "tmp" / "log"

    def healthy() -> bool:
        assert gateway.poll() is None, log.read_text()
        return image.start("HEALTHCHECK", port, {}, Path(os.devnull)).wait(timeout=10) == 0

    gateway = image.start("CMD", port, {"LITELLM_MASTER_KEY": OWN_KEY, "CEREBRAS_API_KEY": "csk-1"}, log)
    try:
        assert not healthy()
        eventually(healthy, seconds=120, what="the health check passes")
        gateway.terminate()
        assert gateway.wait(timeout=40) in {0, -15}, log.read_text()
    finally:
        gateway.kill()
        gateway.wait()
