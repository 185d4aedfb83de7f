"""The real Claws Mail: an account file as an old version left it is taken over by the program itself, messages
are sent from its compose window, and its settings are read back from its files."""

import re
import shutil
import socket
import subprocess
import time

from lab.invented import HOST, PASSWORD, USER
from story import CA, DIR, FRIEND, StoryFailed, check

# The few lines an account needs; Claws writes all the others when it first saves, and encrypts the password.
ACCOUNT = f"""[Account: 1]
account_name=Hosting Provider
is_default=1
name=Jan de Vries
address={USER}
protocol=1
receive_server={HOST}
smtp_server={HOST}
user_id={USER}
password={PASSWORD}
use_smtp_auth=0
ssl_imap=0
ssl_smtp=0
set_smtpport=1
smtp_port=25
set_imapport=0
"""
FOLDERS = """<?xml version="1.0"?>
<folderlist>
<folder type="mh" name="Mailbox" path="Mail" collapsed="0" sort="0">
<folderitem type="inbox" name="inbox" path="inbox"/>
<folderitem type="outbox" name="sent" path="sent"/>
<folderitem type="draft" name="draft" path="draft"/>
<folderitem type="queue" name="queue" path="queue"/>
<folderitem type="trash" name="trash" path="trash"/>
</folder>
</folderlist>
"""


class ClawsMail:
    """Claws Mail of one home folder. Closed except inside its methods."""

    def __init__(self, screen, home):
        self.screen = screen
        self.home = home
        self.folder = home / ".claws-mail"
        self.env = dict(screen.env, SSL_CERT_FILE=str(CA))
        self.env.pop("SSL_CERT_DIR", None)

    def _claws(self, *args):
        return ["claws-mail", *args], dict(env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def _session(self, work):
        with open(DIR / "claws.log", "ab") as self.log:
            command, options = self._claws("--online", "--debug")
            process = subprocess.Popen(command, start_new_session=True, **options)
            left_open = True
            try:
                main = self.screen.wait_for(r"Claws Mail", 30)
                check(main, "Claws Mail did not open its window")
                time.sleep(2)
                result, left_open = work(main)
                return result
            except StoryFailed:
                self.screen.shot("claws")
                raise
            finally:
                if not left_open:  # with a dialog open --exit would wait for a person
                    command, options = self._claws("--exit")
                    subprocess.run(command, timeout=20, check=False, **options)
                self._end(process, kill=left_open)

    def _end(self, process, kill):
        if kill:
            process.kill()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for path in (self.home / ".cache" / "claws-mail").glob("*"):
            if path.is_socket():  # left behind by a killed Claws; the next one could not make its own
                with socket.socket(socket.AF_UNIX) as probe:
                    check(probe.connect_ex(str(path)) != 0, "Claws Mail is still running")
                path.unlink()

    def new_account(self, account=ACCOUNT):
        """An account as old as the hills, saved once by Claws Mail itself through its preferences window."""
        self.folder.mkdir()
        for name in ("inbox", "sent", "draft", "queue", "trash"):
            (self.home / "Mail" / name).mkdir(parents=True)
        (self.folder / "accountrc").write_text(account)
        (self.folder / "clawsrc").write_text("[Common]\nenable_aspell=0\nnewmail_notify_manu=0\n")
        (self.folder / "folderlist.xml").write_text(FOLDERS)

        def save(main):
            self.screen.press(main, "alt+c")  # the menu Configuration; its first entry: this account's preferences
            time.sleep(0.7)
            self.screen.xdotool("key", "Return")
            window = self.screen.wait_for("Account preferences", 15)
            check(window, "the account's preferences did not open")
            time.sleep(0.7)
            found = self.screen.xdotool("getwindowgeometry", "--shell", window)
            at = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", found)}
            ok = (at["X"] + at["WIDTH"] - 47, at["Y"] + at["HEIGHT"] - 21)
            self.screen.xdotool("mousemove", str(ok[0]), str(ok[1]), "click", "1")
            time.sleep(1.5)
            return None, False

        self._session(save)
        text = (self.folder / "accountrc").read_text()
        check("smtp_auth_method=" in text, "Claws Mail did not save the account")
        check(PASSWORD not in text, "Claws Mail left the password readable")

    def send(self, subject, seconds=30):
        """Writes and sends a message. Returns (was it sent, titles of the dialogs shown)."""
        return self._session(lambda main: self.send_now(main, subject, seconds))

    def _composed(self, subject, sender):
        """The window of a message that is written."""
        draft = DIR / "draft.txt"
        draft.write_text(f"From: {sender}\nTo: {FRIEND}\nSubject: {subject}\n\nWritten and sent by the real client.\n")
        command, options = self._claws("--compose-from-file", str(draft))
        subprocess.run(command, timeout=20, check=True, **options)
        window = self.screen.wait_for("Compose message|" + re.escape(subject), 15)
        check(window, "the compose window did not open")
        time.sleep(0.7)
        return window

    def send_now(self, main, subject, seconds, sender=USER):
        """The same in a Claws Mail that is open, from the account with this address; and whether something is left open. A
        certificate that Claws has not seen on this port is a question even when it is valid: it is answered with yes."""
        window = self._composed(subject, sender)
        self.screen.press(window, "ctrl+Return")
        dialogs = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shown = self.screen.windows()
            if window not in shown:
                time.sleep(1)
                still = self.screen.windows()
                if window in still:  # it was another window that went while these were listed
                    continue
                left = any(name for other, name in still.items() if other != main)
                return (True, list(dialogs.values())), left
            for other, name in shown.items():
                ours = other in (window, main) or other in dialogs or not name or re.match("claws-mail|Claws Mail", name)
                if ours:
                    continue
                dialogs[other] = name
                if "certificate" in name.lower():
                    time.sleep(0.5)
                    self.screen.press(other, "alt+a")  # Accept and save
                elif "error" in name.lower():
                    self.screen.shot("claws")
                    return (False, list(dialogs.values())), True
            time.sleep(0.1)
        self.screen.shot("claws")
        return (False, [*dialogs.values(), f"nothing happened within {seconds} s"]), True

    def send_and_write_for_later(self, subject, waiting):
        """Sends a message, and lays more of them into the queue ("Send later")."""

        def work(main):
            told, _ = self.send_now(main, subject, 30)
            for waits in waiting:
                window = self._composed(waits, USER)
                self.screen.press(window, "ctrl+shift+s")
                end = time.monotonic() + 10
                while window in self.screen.windows():
                    check(time.monotonic() < end, f"'{waits}' was not queued")
                    time.sleep(0.2)
                time.sleep(1)
            return told, True  # told to exit, it would ask about what is in the queue

        return self._session(work)

    def send_waiting(self, seconds=30):
        """Sends what waits, as its person tells it to ("Send all queued messages"), until the queue is empty. A certificate that Claws has not
        seen on this port is taken."""

        def work(main):
            command, options = self._claws("--send")
            subprocess.run(command, timeout=20, check=True, **options)
            end = time.monotonic() + seconds
            while any(file.name.isdigit() for file in (self.home / "Mail" / "queue").iterdir()):
                check(time.monotonic() < end, f"what waits does not go out: {self.screen.windows()}")
                for window, name in self.screen.windows().items():
                    if "certificate" in name.lower():
                        time.sleep(0.5)
                        self.screen.press(window, "alt+a")  # Accept and save
                time.sleep(0.3)
            time.sleep(1)
            return None, False

        return self._session(work)

    def while_open(self, act):
        """Does something while Claws Mail is open."""

        def work(main):
            return act(), False

        return self._session(work)

    def forget_unsent(self):
        """Throws away what could not be sent, so that a later send sends one message only."""
        shutil.rmtree(self.home / "Mail" / "queue")
        (self.home / "Mail" / "queue").mkdir()

    def settings(self):
        """The account's settings as they are in accountrc."""
        return dict(re.findall(r"^(\w+)=(.*)$", (self.folder / "accountrc").read_text(), re.M))
