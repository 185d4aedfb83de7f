"""The real Sylpheed: messages are sent from its compose window, and its settings are read back from its file. It trusts whom the
system trusts, by one file of certificates, and keeps the password in the clear in its account."""

import re
import shutil
import subprocess
import time

from clients.sending import mailto
from lab.invented import HOST, PASSWORD, USER
from lab.programs import sh
from story import CA, DIR, StoryFailed, check

# The few lines an account needs; Sylpheed writes all the others when it ends.
ACCOUNT = f"""[Account: 1]
account_name=Hosting Provider
is_default=1
name=Jan de Vries
address={USER}
protocol=3
receive_server={HOST}
smtp_server={HOST}
user_id={USER}
password={PASSWORD}
use_smtp_auth=0
ssl_imap=0
ssl_smtp=0
set_smtpport=0
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
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
MAIN_WINDOW = r"Sylpheed \d"


def trust_the_authority():
    """In this mount namespace the system trusts the lab's authority, and nobody else."""
    sh("mount", "--bind", CA, TRUSTED)


class Sylpheed:
    """Sylpheed of one home folder. Closed except inside its methods."""

    def __init__(self, screen, home, temporary):
        """`temporary`: where it has the socket by which it knows that it runs already, not beside that of another Sylpheed of
        this machine."""
        self.screen = screen
        self.home = home
        temporary.mkdir()
        self.env = dict(screen.env, TMPDIR=str(temporary))
        self.folder = home / ".sylpheed-2.0"
        self.folder.mkdir()
        (self.folder / "folderlist.xml").write_text(FOLDERS)
        (self.folder / "sylpheedrc").write_text("[Common]\nauto_update_check=0\n")
        for name in ("inbox", "sent", "draft", "queue", "trash", "junk"):
            (home / "Mail" / name).mkdir(parents=True)

    def account(self, text):
        """The one account there is: the lines that count; the rest it adds when it saves."""
        (self.folder / "accountrc").write_text(text)

    def _session(self, arguments, work):
        """`work` while it is open, and its result; then Sylpheed is ended: as a person does where `work` says that nothing is
        left open, and so it saves its account."""
        with open(DIR / "sylpheed.log", "ab") as log:
            process = subprocess.Popen(
                ["sylpheed", "--debug", *arguments], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            result, left_open = work()
            if not left_open:
                window = self.screen.wait_for(MAIN_WINDOW, 15)
                check(window, "Sylpheed did not open its window")
                self.screen.press(window, "ctrl+q")
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    raise StoryFailed("Sylpheed did not end when it was told to") from None
            return result
        except StoryFailed:
            self.screen.shot("sylpheed")
            raise
        finally:
            process.kill()
            process.wait()

    def while_open(self, act):
        """Does something while Sylpheed is open; then it ends, and saves its account."""

        def work():
            check(self.screen.wait_for(MAIN_WINDOW, 20), "Sylpheed did not open its window")
            time.sleep(1)
            return act(), False

        return self._session([], work)

    def send(self, subject, seconds=30):
        """Writes and sends a message. Returns (was it sent, titles of the dialogs shown). Sylpheed is ended at once."""
        return self._send(subject, seconds, lambda sent: True)

    def send_and_end(self, subject, seconds=30):
        """The same; where the message was sent, Sylpheed ends as a person ends it."""
        return self._send(subject, seconds, lambda sent: not sent)

    def _send(self, subject, seconds, left_open):
        url = mailto(subject)

        def work():
            window = self.screen.wait_for(re.escape(subject), 20)
            check(window, "the compose window did not open")
            time.sleep(0.7)
            self.screen.press(window, "ctrl+shift+e")
            told = self._watch(window, seconds)
            return told, left_open(told[0])

        return self._session(["--compose", url], work)

    def write_for_later(self, subject):
        """Writes a message and lays it into the queue ("Send later"). Told to end, Sylpheed would ask about it."""

        def work():
            window = self.screen.wait_for(re.escape(subject), 20)
            check(window, "the compose window did not open")
            time.sleep(0.7)
            self.screen.press(window, "ctrl+shift+s")
            end = time.monotonic() + 10
            while window in self.screen.windows():
                check(time.monotonic() < end, f"'{subject}' was not queued")
                time.sleep(0.2)
            return None, True

        url = mailto(subject)
        return self._session(["--compose", url], work)

    def send_waiting(self, seconds=30):
        """Sends what waits, as its person tells it to, until the queue is empty."""

        def work():
            end = time.monotonic() + seconds
            while any(file.name.isdigit() for file in (self.home / "Mail" / "queue").iterdir()):
                check(time.monotonic() < end, f"what waits does not go out: {self.screen.windows()}")
                time.sleep(0.3)
            return None, False

        return self._session(["--send"], work)

    def _watch(self, window, seconds):
        dialogs = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shown = self.screen.windows()
            if window not in shown:
                return True, list(dialogs.values())
            for other, name in shown.items():
                if other == window or other in dialogs or not name or re.search(MAIN_WINDOW, name):
                    continue
                dialogs[other] = name
                if re.search("error|notice|certificate|password", name, re.I):
                    self.screen.shot(f"sylpheed-{time.monotonic():.0f}")
                    return False, list(dialogs.values())
            time.sleep(0.1)
        self.screen.shot(f"sylpheed-{time.monotonic():.0f}")
        return False, [*dialogs.values(), f"nothing happened within {seconds} s"]

    def forget_unsent(self):
        """Throws away what could not be sent, so that a later send sends one message only."""
        for name in ("queue", "draft"):
            shutil.rmtree(self.home / "Mail" / name)
            (self.home / "Mail" / name).mkdir()

    def settings(self):
        """The account's settings as they are in accountrc."""
        return dict(re.findall(r"^(\w+)=(.*)$", (self.folder / "accountrc").read_text(), re.M))
