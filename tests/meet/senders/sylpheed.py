"""Sylpheed: started anew for each message, with the account changed between; it keeps the password in the account."""

import subprocess

from cell import CRAM_HOSTS, TLS_HOSTS, Variant
from clients.screen import Screen
from clients.sylpheed import Sylpheed
from lab.invented import PASSWORD, USER
from place import DIR, name_of

VARIANTS = (
    Variant("automatic"), Variant("plain"), Variant("login"), Variant("cram_md5", hosts=CRAM_HOSTS),
    Variant("automatic", "implicit", TLS_HOSTS),
)
METHODS = {"automatic": 0, "login": 1, "cram_md5": 2, "plain": 8}
SOCKETS = {"starttls": 2, "implicit": 1}

# The lines that count; the rest it adds when it saves.
ACCOUNT = """[Account: 1]
account_name=Hosting Provider
is_default=1
name=Jan de Vries
address={user}
protocol=0
receive_server={receives}
smtp_server={host}
user_id={user}
password={password}
use_smtp_auth=1
smtp_auth_method={method}
smtp_user_id={user}
smtp_password={password}
ssl_pop=1
ssl_smtp={socket}
use_nonblocking_ssl=1
set_smtpport=1
smtp_port={port}
"""


def version():
    return subprocess.run(["sylpheed", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


def account(cell):
    """The one account there is."""
    return ACCOUNT.format(
        user=USER, password=PASSWORD, receives=name_of("postfix"), host=cell.host.name, method=METHODS[cell.variant.auth],
        socket=SOCKETS[cell.variant.mode], port=cell.port,
    )


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        program = Sylpheed(screen, home, home / "tmp")
        for cell in cells:
            program.account(account(cell))
            attempt(cell, program.send)
