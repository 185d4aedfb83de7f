"""The real Balsa: messages are sent from its compose window, and its settings are read back from its two files. It asks for the
password in a window of its own, and keeps it in the keyring of a desktop session where it is told to."""

import contextlib
import re
import subprocess
import time
from pathlib import Path

from clients.sending import mailto, typed, watch
from lab.invented import PASSWORD
from story import DIR, StoryFailed, check

# What a Balsa of its own making left: the account of a fixture of port26's.
FILES = Path(__file__).resolve().parents[2] / "fixtures/balsa/25-none/.balsa"
MAIN_WINDOW = "^Balsa"
ITEM = dict(xdg__schema="org.gnome.Balsa.NetworkPassword")


class Balsa:
    """Balsa of one home folder, in a desktop session. Closed except inside its methods."""

    def __init__(self, screen, desktop, home):
        self.screen = screen
        self.desktop = desktop
        self.home = home
        self.folder = home / ".balsa"
        self.folder.mkdir()
        for file in FILES.iterdir():
            (self.folder / file.name).write_text(file.read_text().replace("/home/jan", str(home)))
        (home / "mail").mkdir()
        self.boxes = [home / "mailbox", *(home / "mail" / name for name in ("outbox", "sentbox", "draftbox", "trash"))]
        self.forget_unsent()

    def forget_unsent(self):
        """Throws away what could not be sent, so that a later send sends one message only."""
        for box in self.boxes:
            box.write_bytes(b"")

    def _balsa(self, *arguments):
        with open(DIR / "balsa.log", "ab") as log:
            return subprocess.Popen(["balsa", *arguments], env=self.desktop.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @contextlib.contextmanager
    def open(self):
        """Balsa is open; then it is ended as a person ends it, and writes its files."""
        process = self._balsa()
        try:
            main = self.screen.wait_for(MAIN_WINDOW, 20)
            check(main, "Balsa did not open its window")
            time.sleep(0.5)
            yield main
            self.screen.press(main, "ctrl+q")
            process.wait(15)
        except (StoryFailed, subprocess.TimeoutExpired) as failure:
            self.screen.shot("balsa")
            raise StoryFailed(f"Balsa: {failure}; on the screen: {self.screen.windows()}") from None
        finally:
            process.kill()
            process.wait()

    def while_open(self, act):
        """Does something while Balsa is open."""
        with self.open():
            return act()

    def send(self, subject, seconds=15, password=None):
        """Writes and sends a message. Returns (was it sent, titles of the windows that came). `password`: what a person types
        where Balsa asks for one."""
        with self.open() as main:
            self._balsa("-m", mailto(subject)).wait(10)
            window = self.screen.wait_for(f"New message.*{re.escape(subject)}", 10)
            check(window, "the compose window did not open")
            time.sleep(0.7)
            self.screen.press(window, "ctrl+Return")
            answers = {"assword": typed(self.screen, password)} if password else {}
            return watch(self.screen, "balsa", subject, seconds, {main, window}, answers)

    def settings(self):
        """The outgoing server as it is in both files; of the password only that there is one."""
        found = {}
        for name in ("config", "config-private"):
            section = (self.folder / name).read_text().split("[smtp-server-Default]\n")[1].split("\n[")[0]
            found |= {f"{name}/{key}": value for key, value in re.findall(r"(?m)^(\w+)=(.*)$", section)}
        return found
