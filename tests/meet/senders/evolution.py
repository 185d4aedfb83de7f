"""Evolution: one that stays open as long as it sends, with an account for each host, the passwords in GNOME's keyring."""

import hashlib
import re
import subprocess
import time
from urllib.parse import quote

from cell import CRAM_HOSTS, TLS_HOSTS, Variant
from clients.screen import Screen
from lab.invented import DOMAIN, PASSWORD, USER
from lab.quiet import EVOLUTION
from place import DIR
from story import FRIEND, StoryFailed, check

VARIANTS = (Variant("plain"), Variant("login"), Variant("cram_md5", hosts=CRAM_HOSTS), Variant("plain", "implicit", TLS_HOSTS))
METHODS = {"plain": "PLAIN", "login": "LOGIN", "cram_md5": "CRAM-MD5"}
SECURITY = {"starttls": "starttls-on-standard-port", "implicit": "ssl-on-alternate-port"}

# As its account editor writes them, for an account that receives nothing.
ACCOUNT = """[Data Source]
DisplayName={address}
Enabled=true
Parent=

[Mail Account]
BackendName=none
IdentityUid={identity}
ArchiveFolder=
NeedsInitialSetup=false
"""
IDENTITY = """[Data Source]
DisplayName={address}
Enabled=true
Parent={account}

[Mail Submission]
SentFolder=folder://local/Sent
TransportUid={transport}
RepliesToOriginFolder=false
UseSentFolder=true

[Mail Composition]
DraftsFolder=folder://local/Drafts
TemplatesFolder=folder://local/Templates

[Mail Identity]
Address={address}
Name=Jan de Vries
SignatureUid=none
"""
TRANSPORT = """[Data Source]
DisplayName={address}
Enabled=true
Parent={account}

[Authentication]
Host={host}
Method={method}
Port={port}
ProxyUid=system-proxy
RememberPassword=true
User={user}
CredentialName=
IsExternal=false

[Security]
Method={security}

[Mail Transport]
BackendName=smtp

[Smtp Backend]
ReencodeData=false
"""


def version():
    return subprocess.run(["evolution", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def uid(number, kind):
    return hashlib.sha1(f"{kind} {number}".encode()).hexdigest()


def sender_of(number):
    """The account is the one with the sender's address."""
    return f"jan{number}@{DOMAIN}"


class Evolution:
    """Evolution of one home folder, in a session of its own."""

    def __init__(self, screen, home):
        self.screen = screen
        self.home = home
        run = home / "run"
        run.mkdir(mode=0o700)
        self.env = dict(screen.env, XDG_RUNTIME_DIR=str(run), GSETTINGS_BACKEND="keyfile", WEBKIT_DISABLE_COMPOSITING_MODE="1")
        settings = home / ".config/glib-2.0/settings"
        settings.mkdir(parents=True)
        (settings / "keyfile").write_text(EVOLUTION)
        self.sources = home / ".config/evolution/sources"
        self.sources.mkdir(parents=True)
        self.log = open(DIR / "evolution.log", "ab")
        self.bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address"], env=self.env, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().strip()
        subprocess.run(
            ["gnome-keyring-daemon", "--unlock", "--components=secrets"], env=self.env, input=b"test", stdout=self.log,
            stderr=self.log, check=True,
        )
        self.process = None

    def account(self, number, cell):
        """An account with its password."""
        names = {kind: uid(number, kind) for kind in ("account", "identity", "transport")}
        values = dict(
            names, address=sender_of(number), host=cell.host.name, port=cell.port, user=USER, method=METHODS[cell.variant.auth],
            security=SECURITY[cell.variant.mode],
        )
        for kind, text in (("account", ACCOUNT), ("identity", IDENTITY), ("transport", TRANSPORT)):
            (self.sources / f"{names[kind]}.source").write_text(text.format(**values))
        subprocess.run(
            ["secret-tool", "store", f"--label=Evolution Data Source \"{USER}\" (Mail Transport - smtp)", "xdg:schema",
             "org.gnome.Evolution.Data.Source", "e-source-uid", names["transport"], "eds-origin", "evolution-data-server"],
            env=self.env, input=PASSWORD.encode(), check=True, stdout=self.log, stderr=self.log,
        )

    def _evolution(self, *words):
        return subprocess.Popen(["evolution", *words], env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def open(self):
        """Starts it, unless it is open."""
        if self.process and self.process.poll() is None:
            return
        self.process = self._evolution("--component=mail")
        if not self.screen.wait_for("Mail|Evolution", 40):
            self.screen.shot("evolution")
            raise StoryFailed(f"Evolution did not open its window: {self.screen.all_windows()}")
        time.sleep(1)

    def close(self):
        """With whatever it is asking."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def send(self, number, subject, seconds):
        """Writes and sends a message. Returns (was it sent, titles of the dialogs shown)."""
        self.open()
        known = set(self.screen.all_windows())
        url = f"mailto:{FRIEND}?from={sender_of(number)}&subject={quote(subject)}&body={quote('Written and sent by the real program.')}"
        self._evolution(url).wait(20)
        window = self.screen.wait_for(re.escape(subject), 20)
        check(window, "the compose window did not open")
        time.sleep(0.7)
        self.screen.press(window, "ctrl+Return")
        return self._watch(number, window, known, seconds)

    def _watch(self, number, window, known, seconds):
        since, name = None, ""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shown = self.screen.all_windows()
            if window not in shown:
                return True, []
            asks = [other for other in shown if other != window and other not in known and self._large(other)]
            if not asks:
                since = None
            elif since is None:
                since, name = time.monotonic(), shown[asks[0]]
            elif time.monotonic() > since + 1.5:
                return self._gave_up(number, f"a window '{name}' that asks")
            time.sleep(0.2)
        return self._gave_up(number, f"nothing happened within {seconds} s")

    def _large(self, window):
        """Not one of those that only the program knows of."""
        found = dict(re.findall(r"(\w+)=(\d+)", self.screen.xdotool("getwindowgeometry", "--shell", window)))
        return int(found.get("WIDTH", 0)) > 300 and int(found.get("HEIGHT", 0)) > 80

    def _gave_up(self, number, why):
        self.screen.shot(f"evolution-{number}")
        self.close()
        return False, [why]


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        program = Evolution(screen, home)
        numbered = list(enumerate(cells, 1))
        for number, cell in numbered:
            program.account(number, cell)
        for number, cell in numbered:
            attempt(cell, lambda subject, seconds, number=number: program.send(number, subject, seconds))
