"""The real KMail with Akonadi, which sends for it: messages are sent from its compose window, and its settings are read back from its
file. Akonadi runs all the while, and so does what sends; it asks for a password in a window of its own."""

import contextlib
import re
import sqlite3
import subprocess
import time

from clients.sending import mailto, typed, watch
from lab.invented import HOST, USER
from lab.programs import sh
from story import CA, DIR, StoryFailed, check

ID = "1123779862"
# As its window writes them.
TRANSPORT = f"""[General]
default-transport={ID}

[Transport {ID}]
authtype=0
host={HOST}
id={ID}
name=hosting25
"""
IDENTITY = f"""[General]
Default Identity=1863206198

[Identity #0]
Disable Fcc=true
Email Address={USER}
Identity=Unnamed
Name=Jan de Vries
uoid=1863206198
"""
# Akonadi's own files in one file, without a database server.
DATABASE = "[%General]\nDriver=QSQLITE3\n"
ASKS = "^Password"
# the local ones, with that which holds them
FOLDERS = 7


def trust_the_authority():
    """In this mount namespace the system trusts the lab's authority, and nobody else. Qt finds it by the hash of its name."""
    folder = DIR / "trusted"
    folder.mkdir()
    name = sh("openssl", "x509", "-noout", "-subject_hash", "-in", CA).strip()
    for file in ("ca-certificates.crt", f"{name}.0"):
        (folder / file).write_bytes(CA.read_bytes())
    sh("mount", "--bind", folder, "/etc/ssl/certs")


def network_card():
    """Akonadi sends nothing on a computer that has no network but itself."""
    sh("ip", "link", "add", "card", "type", "veth", "peer", "name", "switch")
    sh("ip", "addr", "add", "192.0.2.1/24", "dev", "card")
    for end in ("card", "switch"):
        sh("ip", "link", "set", end, "up")


class KMail:
    """KMail of one home folder, in a desktop session."""

    def __init__(self, screen, desktop, home):
        self.screen = screen
        self.bus = desktop.bus
        self.config = home / ".config"
        (self.config / "akonadi").mkdir(parents=True)
        (self.config / "akonadi/akonadiserverrc").write_text(DATABASE)
        (self.config / "mailtransports").write_text(TRANSPORT)
        (self.config / "emailidentities").write_text(IDENTITY)
        self.database = home / ".local/share/akonadi/akonadi.db"
        self.env = dict(desktop.env, QTWEBENGINE_DISABLE_SANDBOX="1")
        self.process = None

    def __enter__(self):
        self._run("akonadictl", "start").wait(30)
        end = time.monotonic() + 30
        while not self.bus.has("org.freedesktop.Akonadi.Agent.akonadi_maildispatcher_agent"):
            check(time.monotonic() < end, "Akonadi does not start")
            time.sleep(0.5)
        time.sleep(2)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._run("akonadictl", "stop").wait(10)
        if self.process:
            self.process.kill()
            self.process.wait()

    def _run(self, *command):
        with open(DIR / "kmail.log", "ab") as log:
            return subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def send(self, subject, seconds=20, password=None):
        """Writes and sends a message. Returns (was it sent, titles of the windows that came). `password`: what a person types
        where it asks for one."""
        self.process = self._run("kmail", mailto(subject))
        window = self.screen.wait_for(f"^{re.escape(subject)}", 30)
        check(window, f"the compose window did not open: {self.screen.windows()}")
        self._has_outbox()
        known = set(self.screen.windows())
        self.screen.press(window, "ctrl+Return")
        # at the first message: whether the keys that were pressed shall send at once
        answers = {"^Configure shortcut": lambda window: self.screen.press(window, "alt+s")}
        if password:
            answers[ASKS] = typed(self.screen, password)
        return watch(self.screen, "kmail", subject, seconds, known, answers)

    def _has_outbox(self):
        """Its first start makes the folders; before they stand in Akonadi's list it fails."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as akonadi:
                marked = (
                    "select count(*) from CollectionAttributeTable a join CollectionTable c on a.collectionId = c.id"
                    " where cast(a.type as text) = 'SpecialCollectionAttribute' and c.remoteId is not null"
                )
                if akonadi.execute(marked).fetchone()[0] >= FOLDERS:
                    time.sleep(2)
                    return
            time.sleep(0.5)
        raise StoryFailed("KMail has made no outbox")

    def settings(self):
        """All settings of the outgoing server."""
        section = (self.config / "mailtransports").read_text().split(f"[Transport {ID}]\n")[1].split("\n[")[0]
        return dict(re.findall(r"(?m)^(\w+)=(.*)$", section))
