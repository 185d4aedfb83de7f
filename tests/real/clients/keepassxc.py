"""The real KeePassXC as the session's Secret Service, with a database that is open or locked."""

import contextlib
import subprocess
import time

from story import check

MASTER = "the one of the database"
ROOT = "01020304-0506-0708-090a-0b0c0d0e0f10"

# Which group others may see is kept in the database itself.
DATABASE = """<?xml version="1.0" encoding="UTF-8"?>
<KeePassFile>
 <Meta><Generator>KeePassXC</Generator><DatabaseName>Passwords</DatabaseName>
  <CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{%s}</Value></Item></CustomData>
 </Meta>
 <Root><Group><UUID>AQIDBAUGBwgJCgsMDQ4PEA==</UUID><Name>Root</Name></Group></Root>
</KeePassFile>
""" % ROOT

SETTINGS = """[General]
ConfigVersion=2
UpdateCheckMessageShown=true

[GUI]
CheckForUpdates=false

[Security]
LockDatabaseIdle=false

[FdoSecrets]
Enabled=true
ShowNotification=false
ConfirmAccessItem=%s
"""

NAME = "org.freedesktop.secrets"


class SessionBus:
    """A message bus of a session of its own. The environment of its programs is in `env`."""

    def __init__(self, env):
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.env = {"DBUS_SESSION_BUS_ADDRESS": self.daemon.stdout.readline().strip()}
        self.all = dict(env, **self.env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.terminate()
        self.daemon.wait()

    def call(self, path, member, *arguments, destination=NAME, seconds=5):
        """Calls a method; what dbus-send prints."""
        command = ["dbus-send", "--session", "--print-reply", f"--reply-timeout={seconds * 1000}", f"--dest={destination}", path, member, *arguments]
        return subprocess.run(command, env=self.all, capture_output=True, text=True, check=False)

    def has(self, name):
        """Is there somebody of this name?"""
        bus = "org.freedesktop.DBus"
        return "true" in self.call("/org/freedesktop/DBus", f"{bus}.NameHasOwner", f"string:{name}", destination=bus).stdout

    def search(self, host, seconds):
        """A search over all of the Secret Service, which port26 must not make. A window has so many seconds to come."""
        self.call("/org/freedesktop/secrets", "org.freedesktop.Secret.Service.SearchItems", f"dict:string:string:username,{host}", seconds=seconds)


class KeePassXC:
    """Its database and its settings in a folder."""

    def __init__(self, screen, bus, folder):
        self.screen, self.bus, self.folder = screen, bus, folder
        folder.mkdir()
        (folder / "database.xml").write_text(DATABASE)
        self.database = folder / "passwords.kdbx"
        made = subprocess.run(
            ["keepassxc-cli", "import", "--set-password", "--decryption-time", "100", folder / "database.xml", self.database],
            env=screen.env, input=f"{MASTER}\n{MASTER}\n", capture_output=True, text=True, check=False,
        )
        check(self.database.exists(), f"no database was made: {made.stdout}{made.stderr}")

    @contextlib.contextmanager
    def _running(self, confirm, password):
        settings = self.folder / "keepassxc.ini"
        settings.write_text(SETTINGS % ("true" if confirm else "false"))
        command = ["keepassxc", "--config", settings, "--localconfig", self.folder / "local.ini", "--pw-stdin", self.database]
        if password is None:
            command.remove("--pw-stdin")
        with open(self.folder / "log", "ab") as log:
            program = subprocess.Popen(command, env=self.bus.all, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True)
            program.stdin.write(f"{password}\n" if password else "")
            program.stdin.close()
        try:
            self._wait(lambda: self.bus.has(NAME), "KeePassXC does not offer the Secret Service")
            self._wait(lambda: self._locked() == (password is None), "the database is not as it should be")
            # its own window is there before anybody counts windows
            check(self.screen.wait_for("KeePassXC", 20), "KeePassXC shows no window")
            time.sleep(0.5)
            yield
        finally:
            program.kill()
            program.wait()
            self._wait(lambda: not self.bus.has(NAME), "KeePassXC does not end")

    def _wait(self, until, otherwise, seconds=20):
        end = time.monotonic() + seconds
        while not until():
            check(time.monotonic() < end, otherwise)
            time.sleep(0.1)

    def _locked(self):
        """Whether the one database is locked; `None`: there is none yet."""
        get = lambda path, of, name: self.bus.call(path, "org.freedesktop.DBus.Properties.Get", f"string:org.freedesktop.Secret.{of}", f"string:{name}").stdout
        paths = [line.split('"')[1] for line in get("/org/freedesktop/secrets", "Service", "Collections").splitlines() if "object path" in line]
        return "true" in get(paths[0], "Collection", "Locked") if paths else None

    def open(self, confirm):
        """It runs, and its database is unlocked. `confirm`: it asks before it hands out a password."""
        return self._running(confirm, MASTER)

    def locked(self):
        """It runs, and its database is locked."""
        return self._running(False, None)
