"""The names litellm_config.yaml loads. LiteLLM executes this file by its path, once per entry: it holds no state."""

import sys
from pathlib import Path

_root = str(Path(__file__).resolve().parents[1])
if _root not in sys.path:  # LiteLLM adds the working directory only, and may be started from elsewhere
    sys.path.append(_root)

import plugins.telemetry.age  # noqa: E402, F401  first: it notes when our part begins

# isort: split
from plugins.hooks.login import authenticate  # noqa: E402
from plugins.wiring import gate  # noqa: E402

__all__ = ["authenticate", "gate"]
