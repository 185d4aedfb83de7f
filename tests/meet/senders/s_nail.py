"""S-nail's own SMTP, the password in its configuration."""

import subprocess
from urllib.parse import quote

from cell import TLS_HOSTS, Variant
from lab.invented import PASSWORD, USER
from senders import at_a_terminal
from story import FRIEND

VARIANTS = (Variant("automatic"), Variant("automatic", "implicit", TLS_HOSTS))


def version():
    return subprocess.run(["s-nail", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def write(home, cell, subject):
    starttls = cell.variant.mode == "starttls"
    scheme = "smtp" if starttls else "smtps"
    (home / ".mailrc").write_text(f"""set v15-compat
set from={USER}
set mta={scheme}://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@{cell.host.name}:{cell.port}
{'set smtp-use-starttls' if starttls else ''}
set tls-verify=strict
set sendwait
set nosave
""")
    # root's own home folder counts for it, whatever HOME says
    return ["env", f"MAILRC={home}/.mailrc", "s-nail", "-:u", "-s", subject, FRIEND], "Written and sent by the real program.\n"


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    at_a_terminal.meet(cells, attempt, write)
