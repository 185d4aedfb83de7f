"""What fail2ban would make of a run: Debian's own filters over the real server's own log."""

import os
import re
import subprocess
import sys

from packages import folder_of

# Debian's jail.conf: banned is who matches so often within ten minutes.
MAXRETRY = 5


def matches(log, kind):
    """How many lines of the log the filter counts against somebody."""
    folder = folder_of("fail2ban")
    environment = dict(os.environ, PYTHONPATH=str(folder / "usr/lib/python3/dist-packages"), PYTHONWARNINGS="ignore")
    command = [sys.executable, "-B", folder / "usr/bin/fail2ban-regex", "-c", folder / "etc/fail2ban", log, kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    found = re.search(r"^Lines: \d+ lines, \d+ ignored, (\d+) matched", done.stdout, re.M)
    if not found:
        raise RuntimeError(f"fail2ban-regex: {done.stdout}{done.stderr}")
    return int(found[1])
