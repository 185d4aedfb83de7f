"""msmtp, the password in its configuration."""

import subprocess

from cell import TLS_HOSTS, Variant
from lab.invented import PASSWORD, USER
from senders import at_a_terminal
from story import FRIEND

VARIANTS = (Variant("automatic"), Variant("automatic", "implicit", TLS_HOSTS))


def version():
    return subprocess.run(["msmtp", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


def write(home, cell, subject):
    file = home / ".msmtprc"
    starttls = "on" if cell.variant.mode == "starttls" else "off"
    file.write_text(f"""account default
host {cell.host.name}
port {cell.port}
from {USER}
auth on
user {USER}
password "{PASSWORD}"
tls on
tls_starttls {starttls}
""")
    file.chmod(0o600)
    return ["msmtp", FRIEND], f"From: {USER}\nTo: {FRIEND}\nSubject: {subject}\n\nWritten and sent by the real program.\n"


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    at_a_terminal.meet(cells, attempt, write)
