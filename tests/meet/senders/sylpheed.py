"""Sylpheed: started anew for each message, with the account changed between; it keeps the password in the account."""

import re
import subprocess
import time
from urllib.parse import quote

from cell import CRAM_HOSTS, TLS_HOSTS, Variant
from clients.screen import Screen
from lab.invented import PASSWORD, USER
from place import DIR, name_of
from story import FRIEND, check

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
FOLDERS = """<?xml version="1.0" encoding="UTF-8"?>
<folderlist>
    <folder type="mh" name="Mailbox" path="Mail">
        <folderitem type="inbox" name="inbox" path="inbox" />
        <folderitem type="outbox" name="sent" path="sent" />
        <folderitem type="draft" name="draft" path="draft" />
        <folderitem type="queue" name="queue" path="queue" />
        <folderitem type="trash" name="trash" path="trash" />
        <folderitem type="junk" name="junk" path="junk" />
    </folder>
</folderlist>
"""


def version():
    return subprocess.run(["sylpheed", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


class Sylpheed:
    """Sylpheed of one home folder. Closed except inside its methods."""

    def __init__(self, screen, home):
        self.screen = screen
        # where it has the socket by which it knows that it runs already: not beside that of another Sylpheed of this machine
        (home / "tmp").mkdir()
        self.env = dict(screen.env, TMPDIR=str(home / "tmp"))
        self.folder = home / ".sylpheed-2.0"
        self.folder.mkdir()
        (self.folder / "folderlist.xml").write_text(FOLDERS)
        (self.folder / "sylpheedrc").write_text("[Common]\nauto_update_check=0\n")
        for name in ("inbox", "sent", "draft", "queue", "trash", "junk"):
            (home / "Mail" / name).mkdir(parents=True)

    def account(self, cell):
        """The one account there is."""
        (self.folder / "accountrc").write_text(ACCOUNT.format(
            user=USER, password=PASSWORD, receives=name_of("postfix"), host=cell.host.name, method=METHODS[cell.variant.auth],
            socket=SOCKETS[cell.variant.mode], port=cell.port,
        ))

    def send(self, subject, seconds):
        """Writes and sends a message. Returns (was it sent, titles of the dialogs shown)."""
        url = f"mailto:{FRIEND}?subject={quote(subject)}&body={quote('Written and sent by the real program.')}"
        with open(DIR / "sylpheed.log", "ab") as log:
            process = subprocess.Popen(
                ["sylpheed", "--debug", "--compose", url], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            try:
                window = self.screen.wait_for(re.escape(subject), 20)
                check(window, "the compose window did not open")
                time.sleep(0.7)
                self.screen.press(window, "ctrl+shift+e")
                return self._watch(window, seconds)
            finally:
                process.kill()
                process.wait()

    def _watch(self, window, seconds):
        dialogs = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shown = self.screen.windows()
            if window not in shown:
                return True, list(dialogs.values())
            for other, name in shown.items():
                if other == window or other in dialogs or not name or name.lower().startswith("sylpheed"):
                    continue
                dialogs[other] = name
                if re.search("error|notice|certificate|password", name, re.I):
                    self.screen.shot(f"sylpheed-{time.monotonic():.0f}")
                    return False, list(dialogs.values())
            time.sleep(0.1)
        self.screen.shot(f"sylpheed-{time.monotonic():.0f}")
        return False, [*dialogs.values(), f"nothing happened within {seconds} s"]


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        program = Sylpheed(screen, home)
        for cell in cells:
            program.account(cell)
            attempt(cell, program.send)
