"""A Mac's commands as scripts meet them, for a shell that runs here: each writes down how it was called."""

import os
import pathlib
import subprocess
import tempfile

STAT = """#!/bin/sh
[ "$*" = "-f %Su /dev/console" ] || { echo "stat $*" >>"$STUB_UNKNOWN"; exit 64; }
echo "$STUB_USER"
"""
ID = """#!/bin/sh
case "$*" in
-u) echo "${STUB_UID:-0}" ;;
"-u jan") echo 501 ;;
*) echo "id $*" >>"$STUB_UNKNOWN"; exit 64 ;;
esac
"""
LAUNCHCTL = """#!/bin/sh
echo "launchctl $*" >>"$STUB_CALLS"
[ "$1" = asuser ] || exit "${STUB_LAUNCHCTL:-0}"
shift 2
exec "$@"
"""
SUDO = """#!/bin/sh
echo "sudo $1 $2 $3" >>"$STUB_CALLS"
shift 3
exec "$@"
"""
PKGUTIL = """#!/bin/sh
echo "pkgutil $*" >>"$STUB_CALLS"
"""
PORT26 = """#!/bin/sh
printf 'port26' >>"$STUB_CALLS"
for argument in "$@"; do printf ' [%s]' "$argument" >>"$STUB_CALLS"; done
echo >>"$STUB_CALLS"
exit "${STUB_CODE:-0}"
"""


class Mac:
    """A folder with the commands, and what was called."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.calls, self.unknown = self.path / "calls", self.path / "unknown"
        for name, text in [("stat", STAT), ("id", ID), ("launchctl", LAUNCHCTL), ("sudo", SUDO), ("pkgutil", PKGUTIL), ("port26", PORT26)]:
            self.command(name, text)

    def command(self, name, text):
        path = self.path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run(self, script, *arguments, user="jan", **variables):
        """Runs a script; its code, what it said on standard output, and the calls it made."""
        self.calls.write_text("")
        self.unknown.write_text("")
        environment = {
            "PATH": f"{self.path}/bin:{os.environ['PATH']}",
            "STUB_USER": user,
            "STUB_CALLS": str(self.calls),
            "STUB_UNKNOWN": str(self.unknown),
            "PORT26": str(self.path / "bin/port26"),
        } | variables
        done = subprocess.run([str(script), *arguments], env=environment, capture_output=True, text=True, timeout=60)
        unknown = self.unknown.read_text()
        if unknown:
            raise AssertionError(f"{script} calls what no stub knows: {unknown}")
        return done.returncode, done.stdout.strip(), self.calls.read_text().splitlines()
