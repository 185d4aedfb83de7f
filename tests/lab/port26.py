"""The program under test, as a script calls it."""

import json
import os
import subprocess
import time
from dataclasses import dataclass

from lab.invented import PASSWORD


@dataclass
class Told:
    """How a run ended and what it said."""

    code: int
    document: dict | None  # of --json; None: it printed something else
    text: str
    seconds: float


class ShowsThePassword(Exception):
    """It stands in what was printed."""


def command(*words, home, state):
    """Its command line for a home folder that is not the caller's; without one it is for the caller's own session."""
    place = ("--home", home, "--os", "linux") if home else ()
    return [os.environ["PORT26"], *words, *place, "--state", state]


def call(verb, *flags, home, state, given="", through=(), environment=None, limit=150):
    """One run on a home folder, or in the caller's own session; `given` is its standard input, `through` a command that leads into another namespace."""
    line = [*through, *command(verb, "--json", *flags, home=home, state=state)]
    started = time.monotonic()
    done = subprocess.run(
        [str(part) for part in line], input=given, capture_output=True, text=True, timeout=limit, check=False, env=environment
    )
    seconds = time.monotonic() - started
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = None
    if PASSWORD in done.stdout + done.stderr:
        raise ShowsThePassword(f"port26 {verb}")
    return Told(done.returncode, document, f"{done.stdout}\n{done.stderr}", seconds)
