"""A screen of its own for programs with windows, and fingers to press keys in it."""

import os
import re
import subprocess
import time

from story import DIR, StoryFailed


class Screen:
    """An Xvfb; the environment of programs that shall appear on it is in `env`."""

    def __init__(self, home):
        read, write = os.pipe()
        with open(DIR / "screen.log", "ab") as log:
            self.server = subprocess.Popen(
                # it would start anew whenever its last client leaves, and whoever comes just then finds no screen
                ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"],
                stdout=log, stderr=log, pass_fds=[write],
            )
        os.close(write)
        with os.fdopen(read) as number:
            self.env = dict(
                os.environ, HOME=str(home), DISPLAY=":" + number.readline().strip(), LANG="C.UTF-8", NO_AT_BRIDGE="1",
                GTK_MODULES="", GIO_USE_VFS="local", GSETTINGS_BACKEND="memory",
            )
        for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            self.env.pop(name, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def xdotool(self, *args):
        """Runs xdotool; its output, empty when it found nothing. It is not waited for for ever."""
        for _ in range(3):
            try:
                return subprocess.run(["xdotool", *args], env=self.env, capture_output=True, text=True, check=False, timeout=5).stdout
            except subprocess.TimeoutExpired:
                continue
        raise StoryFailed(f"xdotool hangs: {args}")

    def windows(self):
        """Id and title of each visible window."""
        ids = self.xdotool("search", "--onlyvisible", "--name", ".").split()
        return {window: self.xdotool("getwindowname", window).strip() for window in ids}

    def all_windows(self):
        """Id and title of each visible window, also of those without a title."""
        ids = self.xdotool("search", "--onlyvisible", "--class", "").split()
        return {window: self.xdotool("getwindowname", window).strip() for window in ids}

    def wait_for(self, title, seconds):
        """The id of a window whose title matches, or None in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for window, name in self.windows().items():
                if re.search(title, name):
                    return window
            time.sleep(0.2)
        return None

    def press(self, window, *keys):
        """Presses keys in a window."""
        self.xdotool("windowfocus", "--sync", window, "key", "--clearmodifiers", *keys)

    def shot(self, name):
        """A picture of the screen beside the logs, for PORT26_REAL_KEEP."""
        subprocess.run(["import", "-window", "root", DIR / f"{name}.png"], env=self.env, check=False, capture_output=True)
