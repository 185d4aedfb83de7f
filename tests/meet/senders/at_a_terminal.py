"""What programs without windows have in common: a home folder with their settings, and one run for each message."""

import os
import subprocess

from place import DIR


def meet(cells, attempt, write):
    """`write` puts the settings for a cell into the home folder and says, for a subject, what to run and what it reads."""
    home = DIR / "home"
    home.mkdir()
    env = dict(os.environ, HOME=str(home), LANG="C.UTF-8")

    for cell in cells:

        def send(subject, seconds, cell=cell):
            command, given = write(home, cell, subject)
            try:
                done = subprocess.run(
                    command, input=given, env=env, cwd=home, capture_output=True, text=True, timeout=seconds, check=False
                )
            except subprocess.TimeoutExpired:
                return False, [f"nothing happened within {seconds} s"]
            return done.returncode == 0, [line for line in (done.stdout + done.stderr).splitlines() if line][-3:]

        attempt(cell, send)
