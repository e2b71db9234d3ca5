"""`make run`: the gateway on this machine, with simulated providers where none is configured."""

import errno
import os
import shlex
import socket
import sys
from pathlib import Path

# Started as a file, this has to find its package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from plugins.config.environment import DEMO_KEY
from scripts.environment import ROOT
from scripts.plan import Plan, Refusal, decide
from scripts.supervise import Supervisor

QUESTION = '{"model": "gpt-oss-120b", "stream": true, "messages": [{"role": "user", "content": "Say hello."}]}'


def cannot_listen(plan: Plan) -> Refusal | None:
    """Look before anything starts: LiteLLM would pick another port without being asked."""
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((plan.host, plan.port))
            probe.listen()
        except OSError as error:
            place = f"port {plan.port} of {plan.host}"
            other = f"`make run PORT={plan.port + 1 if plan.port < 65535 else 4000}`"
            if error.errno == errno.EADDRINUSE:
                return Refusal(f"{place} is in use", f"stop what listens there, or {other}")
            if error.errno == errno.EACCES:
                return Refusal(f"{place} needs rights we do not have", "`make run PORT=4000`")
            return Refusal(f"{place} cannot be listened on ({error.strerror})", "`make run HOST=127.0.0.1`")
    return None


def greeting(plan: Plan) -> str:
    """What somebody needs who wants to use it now; a key of their own stays where they put it."""
    is_demo = plan.master_key == DEMO_KEY
    shown = plan.master_key if is_demo else f"LITELLM_MASTER_KEY, which ends in {plan.master_key[-2:]}"
    used = plan.master_key if is_demo else "$LITELLM_MASTER_KEY"
    url = shlex.quote(f"{plan.url}/v1/chat/completions")
    headers = f'-H "Authorization: Bearer {used}" -H "Content-Type: application/json"'
    return "\n".join(
        (
            f"ready: {plan.url}",
            f"key:   {shown}",
            f"try:   curl -N {url} {headers} -d '{QUESTION}'",
            "Ctrl-C stops everything.",
        )
    )


def main() -> int:
    if not (ROOT / ".venv" / "bin" / "litellm").exists():
        print("waferline: there is no .venv with the gateway in it: run `make setup` first.", file=sys.stderr)
        return 2
    plan = decide(os.environ)
    refusal = plan if isinstance(plan, Refusal) else cannot_listen(plan)
    if isinstance(plan, Refusal) or refusal:
        print(f"waferline: {refusal}.", file=sys.stderr)
        return 2
    for note in plan.notes:
        print(note, flush=True)
    return Supervisor(plan, ROOT).run(greeting(plan))


if __name__ == "__main__":
    sys.exit(main())
