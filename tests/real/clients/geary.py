"""The real Geary: messages are sent from its compose window, and its settings are read back from its file. Its password is in the
keyring of a desktop session, once, for receiving; what becomes of a message it tells in its log."""

import configparser
import contextlib
import re
import subprocess
import time

from clients.sending import mailto
from lab.invented import HOST, PASSWORD, USER
from story import DIR, StoryFailed, check

# Sent at once: it holds a message back for as long as it could be taken back.
SETTINGS = "[org/gnome/Geary]\nundo-send-delay=0\n"

# As its account window writes it.
ACCOUNT = f"""[Metadata]
version=1
status=enabled

[Account]
ordinal=3
label=
prefetch_days=14
save_drafts=true
save_sent=true
use_signature=false
signature=
sender_mailboxes={USER};
service_provider=other

[Folders]
archive_folder=
drafts_folder=
sent_folder=
junk_folder=
trash_folder=

[Incoming]
login={USER}
remember_password=true
host={HOST}
port=993
transport_security=transport
credentials=custom

[Outgoing]
remember_password=true
host={HOST}
port=25
transport_security=none
credentials=none
"""


# What its main window is called while a folder of the account is shown.
MAIN_WINDOW = f"{USER}$"
KEYRING = dict(xdg__schema="org.gnome.Geary", proto="IMAP", host=HOST, login=USER)


class Geary:
    """Geary of one home folder, in a desktop session. Closed except inside its methods."""

    def __init__(self, screen, desktop, home):
        self.screen = screen
        self.desktop = desktop
        self.file = home / ".config/geary/account_01/geary.ini"
        self.file.parent.mkdir(parents=True)
        self.file.write_text(ACCOUNT)
        (home / ".local/share/geary/account_01").mkdir(parents=True)
        desktop.keeps(PASSWORD, "Geary IMAP password", **KEYRING)
        self.log = DIR / "geary.log"
        self.log.touch()

    def _geary(self, *arguments):
        # line by line: it is read while Geary runs
        command = ["stdbuf", "-oL", "-eL", "geary", "--debug", *arguments]
        with open(self.log, "ab") as log:
            return subprocess.Popen(command, env=self.desktop.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @contextlib.contextmanager
    def open(self):
        """Geary is open; then it is told to end, as a person does."""
        known = self.log.stat().st_size
        process = self._geary()
        try:
            check(self.screen.wait_for(MAIN_WINDOW, 25), f"Geary did not open its window: {self.screen.all_windows()}")
            yield known
            self._geary("--quit").wait(10)
            process.wait(15)
        except (StoryFailed, subprocess.TimeoutExpired):
            self.screen.shot("geary")
            raise
        finally:
            process.kill()
            process.wait()

    def while_open(self, act):
        """Does something while Geary is open."""
        with self.open():
            return act()

    def send(self, subject, seconds=25):
        """Writes and sends a message. Returns (was it sent, what Geary says of it)."""
        with self.open() as known:
            self.write(subject)
            return self.told(subject, known, seconds)

    def write(self, subject):
        """Writes a message and sends it off to its outbox, in a Geary that is open."""
        self._geary(mailto(subject)).wait(10)
        # the composer is in the main window, whose title says so or not
        time.sleep(1.5)
        window = self.screen.wait_for(f"{MAIN_WINDOW}|^{re.escape(subject)}$", 5)
        check(window, f"where the message is written is not found: {self.screen.windows()}")
        self.screen.press(window, "ctrl+Return")

    def told(self, subject, known, seconds=25):
        """What becomes of a message in the outbox, by all that was logged since `known`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            lines = self.log.read_bytes()[known:].decode(errors="replace").splitlines()
            sending = [re.search(rf'Sending "{re.escape(subject)}" \(ID:([^)]*\))', line) for line in lines]
            ids = [found[1] for found in sending if found]
            if ids and any(f"Deleting row {ids[-1]}" in line for line in lines):
                return True, []
            said = [line.split("GearySmtpClientService: ")[1] for line in lines if re.search("SMTP login error|SmtpClientService: Status changed to: .*fail", line)]
            if ids and any("Status changed" in line for line in said):
                return False, said
        return False, [f"nothing happened within {seconds} s"]

    def settings(self):
        """All settings of the account as they are in its file."""
        ini = configparser.RawConfigParser()
        ini.read_string(self.file.read_text())
        return {f"{section}/{name}": value for section in ini.sections() for name, value in ini[section].items()}
