"""The gateway starts on policies that somebody can vouch for, or says in plain words why not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from plugins.config.environment import DEMO_KEY
from tests.support.gateway import MASTER_KEY
from tests.support.processes import BIN, ROOT, clean_environment, free_port

SETTINGS = {
    "LITELLM_MASTER_KEY": MASTER_KEY,
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "CEREBRAS_API_BASE": "http://127.0.0.1:9/v1",
    "FALLBACK_API_BASE": "http://127.0.0.1:9/v1",
}


def start(directory: Path, *flags: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "litellm"), "--config", str(ROOT / "litellm_config.yaml"), *flags]
    environment = clean_environment(**{**SETTINGS, **settings})
    return subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, timeout=90, check=False
    )


def test_litellm_itself_accepts_the_configuration(tmp_path: Path) -> None:
    result = start(tmp_path, "--validate_config")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "config OK" in result.stdout


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"WAFERLINE_POLICIES": "bad"}, "bad/lifecycle.yaml:8 retired: must be 'refuse', 'replace', 'warn' or 'allow'"),
        (
            {"LITELLM_MASTER_KEY": DEMO_KEY, "CEREBRAS_API_BASE": "https://api.cerebras.ai/v1"},
            "api.cerebras.ai is a real provider, so LITELLM_MASTER_KEY must be your own",
        ),
        ({"REDIS_URL": "redis://here/one"}, "waferline: REDIS_URL has a database that is no number (was 'one'); write"),
    ],
    ids=["bad-policies", "demo-key", "no-address-of-a-store"],
)
def test_it_does_not_start_unsafely_and_says_why(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(ROOT / "policies", bad)
    (bad / "lifecycle.yaml").write_text(
        (bad / "lifecycle.yaml").read_text().replace("retired: refuse", "retired: drop")
    )
    settings = {name: str(bad) if value == "bad" else value for name, value in settings.items()}

    result = start(tmp_path, "--host", "127.0.0.1", "--port", str(free_port()), **settings)

    assert result.returncode != 0
    assert says in result.stderr
    assert "Traceback" not in result.stderr
