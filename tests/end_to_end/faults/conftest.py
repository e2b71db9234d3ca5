"""A gateway per lane for all faults: short deadlines for who asks `hasty`, and models whose first target is nowhere."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import write_policies
from tests.support.gateway import Gateway, gateway
from tests.support.nowhere import UNRESOLVED, not_vouched_for, refusing
from tests.support.processes import ROOT
from tests.support.provider import Provider

# Under the head of the file's workloads. Only tests that wait for a deadline ask for it: nobody else is in a hurry.
HASTY = """workloads:
  hasty:
    purpose: Deadlines that a test can wait for.
    models: [gpt-oss-120b]
    deadlines: {first_token_seconds: 0.4, stall_seconds: 0.4, total_seconds: 1}

"""


def write_config(path: Path, nowhere: dict[str, str]) -> None:
    """The shipped configuration, and beside gpt-oss-120b models whose first target is at each of these addresses."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "litellm_config.yaml").read_text())
    rows = config["model_list"]
    shipped = [copy.deepcopy(row) for row in rows if row["model_name"] == "gpt-oss-120b"]
    for model, base in nowhere.items():
        for row in copy.deepcopy(shipped):
            row["model_name"] = model
            row["model_info"]["id"] = row["model_info"]["id"].replace("gpt-oss-120b", model)
            if row["litellm_params"]["order"] == 1:
                row["litellm_params"]["api_base"] = base
            rows.append(row)
    (path.parent / "plugins").symlink_to(ROOT / "plugins")  # LiteLLM looks for callbacks beside it
    config["router_settings"]["model_group_alias"]["hasty"] = "gpt-oss-120b"
    path.write_text(yaml.safe_dump(config, sort_keys=False))


@pytest.fixture(scope="session", params=["express", "litellm"])
def waferline_process(
    request: pytest.FixtureRequest,
    primary_process: Provider,
    fallback_process: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    """In place of the one that the other end-to-end tests share."""
    directory = tmp_path_factory.mktemp(f"faults-{request.param}")
    policies = directory / "policies"
    write_policies(policies, request.param)
    routing = policies / "routing.yaml"
    text = routing.read_text().replace("connect_seconds: 2", "connect_seconds: 0.5")
    routing.write_text(
        text.replace("first_token_seconds: 1\n", "first_token_seconds: 5\n").replace("workloads:\n", HASTY)
    )
    with ExitStack() as stack:
        nowhere = {
            "refused": stack.enter_context(refusing()),
            "untrusted": stack.enter_context(not_vouched_for(directory)),
            "unresolved": UNRESOLVED,
        }
        write_config(directory / "litellm_config.yaml", nowhere)
        settings = {
            "CEREBRAS_API_BASE": primary_process.base,
            "FALLBACK_API_BASE": fallback_process.base,
            "RES_OPTIONS": "timeout:1 attempts:1",  # of the resolver, where no name server answers
        }
        config = directory / "litellm_config.yaml"
        yield stack.enter_context(gateway(directory, policies, settings, request.param, config))
