"""What port26 reads of the same profile."""

import json
import os
import pathlib
import shutil
import subprocess

from asked.thunderbird import place_policies

FOLDER = "abcd1234.default-release"


class Port26:
    """The program under test, with a home folder that holds one profile."""

    def __init__(self, program, folder, running):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.running = running

    def read(self, case):
        """The document that `scan` prints."""
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        profile = home / ".thunderbird" / FOLDER
        profile.mkdir(parents=True)
        (home / ".thunderbird" / "profiles.ini").write_text(
            f"[Profile0]\nName=default-release\nIsRelative=1\nPath={FOLDER}\nDefault=1\n\n[General]\nStartWithLastProfile=1\nVersion=2\n"
        )
        for name, data in case.files(self.running.seal):
            if name != "policies.json":
                (profile / name).write_bytes(data)
        (profile / "compatibility.ini").write_bytes(self.running.compatibility)
        place_policies(case.policies)
        # the machine's policies count in the user's own session only
        return self.scan(home, own=case.policies is not None)

    def scan(self, home, own):
        """`port26 scan` of a home, as its user or from outside."""
        env = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "DBUS_"))}
        command = [self.program, "scan", "--json", "--state", str(self.folder / "state")]
        if own:
            env["HOME"] = str(home)
        else:
            command += ["--home", str(home), "--os", "linux"]
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"broken": done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace"), "accounts": [], "problems": []}
