"""NeoMutt's own SMTP, the password in its configuration."""

import subprocess
from urllib.parse import quote

from cell import TLS_HOSTS, Variant
from lab.invented import PASSWORD, USER
from senders import at_a_terminal
from story import FRIEND

VARIANTS = (Variant("automatic"), Variant("automatic", "implicit", TLS_HOSTS))


def version():
    return subprocess.run(["neomutt", "-v"], capture_output=True, text=True, check=True).stdout.split()[1]


def write(home, cell, subject):
    scheme = "smtp" if cell.variant.mode == "starttls" else "smtps"
    (home / ".neomuttrc").write_text(f"""set from = "{USER}"
set smtp_url = "{scheme}://{quote(USER, safe='')}@{cell.host.name}:{cell.port}/"
set smtp_pass = "{PASSWORD}"
set ssl_ca_certificates_file = "/etc/ssl/certs/ca-certificates.crt"
set copy = no
""")
    return ["neomutt", "-s", subject, FRIEND], "Written and sent by the real program.\n"


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    at_a_terminal.meet(cells, attempt, write)
