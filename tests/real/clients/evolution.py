"""The real Evolution: messages are sent from its compose window, and its settings are read back from its source. It asks for a
password in a window of its own, and has that for receiving in the keyring of a desktop session."""

import contextlib
import re
import shutil
import subprocess
import time
from pathlib import Path

from clients.sending import mailto, typed, watch
from lab.invented import PASSWORD, USER
from story import DIR, StoryFailed, check

# What its own assistant left: an account, an identity and an outgoing server of a fixture of port26's.
SOURCES = Path(__file__).resolve().parents[2] / "fixtures/evolution/25-noauth/.config/evolution/sources"
ACCOUNT, TRANSPORT = "d3d607a638f6fa178668e9987246262649b4ad65", "16372fc18fc0e233e2ab4ba0e131ff0c6f8e6e2a"
ITEM = dict(xdg__schema="org.gnome.Evolution.Data.Source", eds_origin="evolution-data-server")
ASKS = "uthentication|assword"


class Evolution:
    """Evolution of one home folder, in a desktop session. Closed except inside its methods; the registry of sources, which it has
    started, stays."""

    def __init__(self, screen, desktop, home):
        self.screen = screen
        self.desktop = desktop
        self.sources = home / ".config/evolution/sources"
        shutil.copytree(SOURCES, self.sources)
        desktop.keeps(PASSWORD, "Evolution Data Source", **ITEM, e_source_uid=ACCOUNT)

    def _evolution(self, *arguments):
        with open(DIR / "evolution.log", "ab") as log:
            return subprocess.Popen(["evolution", *arguments], env=self.desktop.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @contextlib.contextmanager
    def open(self):
        """Evolution is open; then it is told to end, as a person does."""
        process = self._evolution("--component=mail")
        try:
            main = self.screen.wait_for("Mail|Evolution", 30)
            check(main, "Evolution did not open its window")
            time.sleep(1)
            yield main
            self._end(process)
        except (StoryFailed, subprocess.TimeoutExpired) as failure:
            self.screen.shot("evolution")
            raise StoryFailed(f"Evolution: {failure}; on the screen: {self.screen.windows()}") from None
        finally:
            process.kill()
            process.wait()

    def _end(self, process):
        """What it is busy with when it is told may keep it open."""
        for _ in range(10):
            time.sleep(0.5)
            self._evolution("--quit").wait(10)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
                return
        raise StoryFailed("it does not end")

    def send(self, subject, seconds=20, password=None):
        """Writes and sends a message. Returns (was it sent, titles of the windows that came). `password`: what a person types
        where Evolution asks for one."""
        with self.open():
            return self.send_now(subject, seconds, password)

    def send_now(self, subject, seconds=20, password=None):
        """The same in an Evolution that is open."""
        # it may ask for a password as soon as it has started, for what waits in its outbox
        known = {window for window, title in self.screen.windows().items() if not re.search(ASKS, title)}
        self._evolution(mailto(subject)).wait(20)
        window = self.screen.wait_for(f"^{re.escape(subject)}", 20)
        check(window, "the compose window did not open")
        time.sleep(0.7)
        self.screen.press(window, "ctrl+Return")
        answers = {ASKS: typed(self.screen, password)} if password else {}
        return watch(self.screen, "evolution", subject, seconds, {*known, window}, answers)

    def save_to_outbox(self, subject):
        """The choice that it offers for a message that it could not send, in a window without a title."""
        window = next((window for window, title in self.screen.windows().items() if not title), None)
        check(window, "it does not say that it could not send")
        size = dict(re.findall(r"(WIDTH|HEIGHT)=(\d+)", self.screen.xdotool("getwindowgeometry", "--shell", window)))
        # the button in the middle of three, at the right below
        place = str(int(size["WIDTH"]) * 62 // 100), str(int(size["HEIGHT"]) * 80 // 100)
        self.screen.xdotool("mousemove", "--window", window, *place, "click", "1")
        end = time.monotonic() + 5
        while any(title.startswith(subject) for title in self.screen.windows().values()):
            check(time.monotonic() < end, "the compose window does not close")
            time.sleep(0.2)

    def settings(self):
        """All settings of the outgoing server, as they are in its source."""
        found = {}
        for block in re.split(r"(?m)^\[", (self.sources / f"{TRANSPORT}.source").read_text())[1:]:
            section, lines = block.split("]", 1)
            found |= {f"{section}/{key}": value for key, value in re.findall(r"(?m)^(\w+)=(.*)$", lines)}
        return found
