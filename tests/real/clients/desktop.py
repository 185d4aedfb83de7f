"""A desktop session for programs that want one: a message bus, and GNOME's keyring with the passwords that a program has been given."""

import subprocess

from story import DIR

SECRETS = "org.freedesktop.secrets"


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

    def call(self, path, member, *arguments, destination=SECRETS, seconds=5):
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


def _words(attributes):
    """`xdg__schema="x"` as secret-tool takes it: `xdg:schema x`."""
    return [word for name, value in attributes.items() for word in (name.replace("__", ":").replace("_", "-"), value)]


class Desktop:
    """A bus and an open keyring for the programs of a home folder. Their environment is in `env`."""

    def __init__(self, screen, home, settings=""):
        """`settings`: what GSettings keeps, by path."""
        run = DIR / "run"
        run.mkdir(mode=0o700)
        kept = home / ".config/glib-2.0/settings/keyfile"
        kept.parent.mkdir(parents=True)
        kept.write_text(settings)
        # A monitor of networks would find none here but the machine itself, and some programs would not even try then.
        env = dict(
            screen.env, XDG_RUNTIME_DIR=str(run), GSETTINGS_BACKEND="keyfile", GIO_USE_NETWORK_MONITOR="base", WEBKIT_DISABLE_COMPOSITING_MODE="1"
        )
        self.log = open(DIR / "desktop.log", "ab")
        self.bus = SessionBus(env)
        self.env = self.bus.all
        subprocess.run(
            ["gnome-keyring-daemon", "--unlock", "--components=secrets"], env=self.env, input=b"test", stdout=self.log, stderr=self.log, check=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bus.__exit__()
        self.log.close()

    def keeps(self, password, label, **attributes):
        """The keyring has this item, as a program would have stored it."""
        command = ["secret-tool", "store", f"--label={label}", *_words(attributes)]
        subprocess.run(command, env=self.env, input=password.encode(), stdout=self.log, stderr=self.log, check=True)

    def kept(self, **attributes):
        """Labels and attributes of the items that the keyring has under these; no password."""
        command = ["secret-tool", "search", "--all", *_words(attributes)]
        found = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        return sorted(line for line in (found.stdout + found.stderr).splitlines() if line.startswith(("label", "attribute")))
