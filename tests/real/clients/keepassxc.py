"""The real KeePassXC as the session's Secret Service, with a database that is open or locked."""

import contextlib
import subprocess
import time

from clients.desktop import SECRETS
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
            self._wait(lambda: self.bus.has(SECRETS), "KeePassXC does not offer the Secret Service")
            self._wait(lambda: self._locked() == (password is None), "the database is not as it should be")
            # its own window is there before anybody counts windows
            check(self.screen.wait_for("KeePassXC", 20), "KeePassXC shows no window")
            time.sleep(0.5)
            yield
        finally:
            program.kill()
            program.wait()
            self._wait(lambda: not self.bus.has(SECRETS), "KeePassXC does not end")

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
