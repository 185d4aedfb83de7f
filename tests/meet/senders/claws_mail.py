"""Claws Mail: one that stays open as long as it sends, with an account for each host, the password in its own store."""

import re
import subprocess

from cell import CRAM_HOSTS, TLS_HOSTS, Variant
from clients.claws import ACCOUNT, ClawsMail
from clients.screen import Screen
from lab.invented import DOMAIN
from place import DIR, name_of

VARIANTS = (
    Variant("automatic"), Variant("plain"), Variant("login"), Variant("cram_md5", hosts=CRAM_HOSTS),
    Variant("automatic", "implicit", TLS_HOSTS),
)
METHODS = {"automatic": 0, "login": 1, "cram_md5": 2, "plain": 16}
SOCKETS = {"starttls": 2, "implicit": 1}


def version():
    return subprocess.run(["claws-mail", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def sender_of(number):
    """The account is the one with the sender's address."""
    return f"jan{number}@{DOMAIN}"


def add_accounts(folder, cells):
    """The account that Claws has saved, again for each cell. What keeps its password does not depend on its number."""
    accounts, passwords = folder / "accountrc", folder / "passwordstorerc"
    saved, kept = accounts.read_text(), passwords.read_text()
    kept = kept[kept.index("[account:1]") :]
    for number, cell in enumerate(cells, 2):
        text = saved.replace("[Account: 1]", f"[Account: {number}]")
        wanted = {
            "account_name": number, "is_default": 0, "address": sender_of(number), "smtp_server": cell.host.name, "set_smtpport": 1,
            "smtp_port": cell.port, "ssl_smtp": SOCKETS[cell.variant.mode], "use_smtp_auth": 1,
            "smtp_auth_method": METHODS[cell.variant.auth],
            "ssl_certs_auto_accept": 1,  # valid ones only; else each host and port is a question
        }
        for name, value in wanted.items():
            text, found = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", text)
            assert found == 1, name
        with accounts.open("a") as out:
            out.write(f"\n{text}")
        with passwords.open("a") as out:
            out.write("\n" + kept.replace("[account:1]", f"[account:{number}]"))


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        program = ClawsMail(screen, home)
        account = ACCOUNT.replace("protocol=1", "protocol=0")  # POP, so that no copy goes to a server
        program.new_account(re.sub("_server=.*", f"_server={name_of('postfix')}", account))
        add_accounts(program.folder, cells)
        left = list(enumerate(cells, 2))

        def until_one_fails(main):
            while left:
                number, cell = left.pop(0)
                open_still = []

                def send(subject, seconds):
                    told, stays_open = program.send_now(main, subject, seconds, sender_of(number))
                    open_still.append(stays_open)
                    return told

                attempt(cell, send)
                if any(open_still):
                    return None, True
            return None, False

        while left:
            program._session(until_one_fails)
            program.forget_unsent()
