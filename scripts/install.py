"""`python3 scripts/install.py runtime|dev` makes .venv hold what requirements/<name>.lock says, and nothing unproved.

Any Python 3 can read this file, so that an old one can say what is missing. scripts/environment.py does the work.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve()
OLDEST = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11")


def is_new_enough(python: str) -> bool:
    """Ask it: a name on PATH may be a version manager's stub for a Python that is not there."""
    question = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    return subprocess.call([python, "-c", question], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def main() -> int:
    if sys.version_info < OLDEST:
        found = [python for python in map(shutil.which, NEWER) if python and is_new_enough(python)]
        if found:
            os.execv(found[0], [found[0], str(HERE), *sys.argv[1:]])  # noqa: S606  it takes our place, no shell is wanted
        print(
            f"Waferline needs Python 3.11 or newer, and this is {sys.version.split()[0]}: install one "
            "(`sudo apt install python3.11 python3.11-venv`) or name one (`make setup PYTHON=/path/to/python3`).",
            file=sys.stderr,
        )
        return 2
    sys.path.insert(0, str(HERE.parent.parent))
    from scripts.environment import main as install  # noqa: PLC0415  an older Python cannot read that file

    return install(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
