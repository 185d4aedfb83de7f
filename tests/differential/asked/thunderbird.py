"""The real Thunderbird, asked in two ways: a start for each profile, and one that runs and reads profile after profile."""

import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from lab.marionette import Marionette, MarionetteError

PROGRAM = "/usr/lib/thunderbird/thunderbird"
POLICIES = pathlib.Path("/etc/thunderbird/policies/policies.json")
HERE = pathlib.Path(__file__).resolve().parent
FACTS = (HERE / "facts.js").read_text()
REPLAY = (HERE / "replay.js").read_text()

# programs that run at the same time listen at ports of their own
PORTS = itertools.count(2900)

# The pane of folders and the chat look at the accounts at each change of their list, also while they are being loaded,
# and each server that they touch then counts as broken. At a start they are not there yet.
LOOK_AWAY = """
    const pane = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail").currentTabInfo.chromeBrowser;
    const gone = new Promise(done => pane.contentWindow.addEventListener("unload", done, { once: true }));
    pane.loadURI(Services.io.newURI("about:blank"), { triggeringPrincipal: Services.scriptSecurityManager.getSystemPrincipal() });
    await gone;
    const chat = ChromeUtils.importESModule("resource:///modules/IMServices.sys.mjs").IMServices.accounts;
    if (chat._prefObserver) {
        Services.prefs.removeObserver("mail.accountmanager.accounts", chat._prefObserver);
    }
    chat.observe = chat._prefObserver = () => {};
"""


class DoesNotStart(Exception):
    """The program ended, or showed nothing, before it could be asked."""


def place_policies(data):
    """Puts the machine's policies where the program looks (this mount namespace's own folder)."""
    if data is None:
        POLICIES.unlink(missing_ok=True)
    else:
        POLICIES.parent.mkdir(parents=True, exist_ok=True)
        POLICIES.write_bytes(data)


class Program:
    """One running Thunderbird, without a window on any screen."""

    def __init__(self, home, arguments, seconds=60):
        env = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "DBUS_", "MOZ_", "DISPLAY", "WAYLAND"))}
        port = next(PORTS)
        env.update(MOZ_MARIONETTE_PREF_STATE_ACROSS_RESTARTS='{"marionette.port": %d}' % port)
        env.update(HOME=str(home), MOZ_CRASHREPORTER_DISABLE="1", MOZ_REMOTE_ALLOW_SYSTEM_ACCESS="1", MOZ_DISABLE_CONTENT_SANDBOX="1")
        command = [PROGRAM, "--headless", "--no-remote", "--allow-downgrade", "--marionette", "--remote-allow-system-access", *arguments]
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.remote = Marionette(lambda: self.process.poll() is None, seconds, port)
        except (MarionetteError, OSError) as error:
            self.end()
            raise DoesNotStart(str(error)) from error

    def script(self, body, *args):
        """Runs JavaScript in the program."""
        return self.remote.script(body, *args)

    def end(self):
        """Ends it at once: what it would write at its end is of no interest."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


# NSS without a primary password: what the program itself writes into logins.json.
SEAL = """
    const ring = Cc["@mozilla.org/security/sdr;1"].getService(Ci.nsISecretDecoderRing);
    return ring.encryptString(String.fromCharCode(...new TextEncoder().encode(args[0])));
"""


def started(case, seal, key):
    """What a Thunderbird says that is started for this profile alone. `key`: key4.db, with which `seal` makes ciphertexts."""
    place_policies(case.policies)
    with tempfile.TemporaryDirectory(prefix="start.") as folder:
        profile = pathlib.Path(folder, "profile")
        profile.mkdir()
        (profile / "key4.db").write_bytes(key)
        for name, data in case.files(seal):
            if name != "policies.json":
                (profile / name).write_bytes(data)
        with Program(folder, ["--profile", str(profile)]) as program:
            return program.script(FACTS)


class Running:
    """A Thunderbird that reads profile after profile."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.sealed, self.key = {}, None
        self._start()

    def _start(self):
        own = self.folder / "own"
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        if self.key:
            (own / "key4.db").write_bytes(self.key)
        place_policies(None)
        self.program = Program(self.folder, ["--profile", str(own)])
        self.program.script(LOOK_AWAY)
        said = self.program.script("return { version: Services.appinfo.version, build: Services.appinfo.appBuildID };")
        self.version, self.build = said["version"], said["build"]
        # as the program wrote it
        self.compatibility = (own / "compatibility.ini").read_bytes()
        if not self.key:
            # the first text makes the key
            self.seal("")
            self.key = (own / "key4.db").read_bytes()

    def seal(self, text):
        """The ciphertext of a text in `logins.json`; the same for the same text."""
        if text not in self.sealed:
            self.sealed[text] = self.program.script(SEAL, text)
        return self.sealed[text]

    def facts(self, case):
        """What it says about this profile."""
        place_policies(case.policies)
        profile = self.folder / "read"
        shutil.rmtree(profile, ignore_errors=True)
        profile.mkdir()
        for name, data in case.files(self.seal):
            if name != "policies.json":
                (profile / name).write_bytes(data)
        facts = self.program.script(REPLAY + FACTS, str(profile))
        if facts is None:
            self.program.end()
            self._start()
            place_policies(case.policies)
            facts = self.program.script(REPLAY + FACTS, str(profile))
        return facts

    def end(self):
        """Ends it."""
        self.program.end()
