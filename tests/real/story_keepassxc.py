"""KeePassXC keeps the passwords of this session. While its database is locked, a silent run opens no window and says what
to do; unlocked, it finds the password and logs in; and where KeePassXC wants to be asked for each password, a silent run
does not make it ask."""

import os
import subprocess
import threading
import time

from clients.desktop import SessionBus
from clients.keepassxc import KeePassXC
from clients.screen import Screen
from lab import port26 as program
from lab.files import picture
from lab.invented import HOST, PASSWORD, USER
from story import CA, DIR, Port26, check, main, port_25, saw, step
from story_terminal import new_home


class Watch:
    """Every window that appears on the screen meanwhile."""

    def __init__(self, screen):
        self.screen, self.seen, self.done = screen, {}, threading.Event()
        self.before = screen.all_windows()
        self.thread = threading.Thread(target=self._look)

    def _look(self):
        while not self.done.is_set():
            self.seen |= self.screen.all_windows()
            time.sleep(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.seen |= self.screen.all_windows()

    def new(self):
        """Titles of those that were not there before."""
        return sorted(title for window, title in self.seen.items() if window not in self.before)


def silent(port26, screen, result, reason, expect):
    """One silent fix: what it says, and that no window opened."""
    with Watch(screen) as watch:
        told = port26.run("fix", "--silent", "--dry-run", "--keychain", "--ca", CA, expect=expect)
        # a window comes a moment later than the call that asks for it
        time.sleep(1)
    check(watch.new() == [], f"a silent run opened {watch.new()}")
    said = told.get("reason") or {}
    saw(f"{said.get('code')}: {said.get('message')}")
    check((told["result"], said.get("code")) == (result, reason), f"{told['result']}: {said}")
    return said


def story():
    home = new_home()
    before = picture(home)
    port_25("drop")
    port26 = Port26(home, "thunderbird")
    desktop = DIR / "desktop"
    desktop.mkdir()
    with Screen(desktop) as screen, SessionBus(screen.env) as bus:
        os.environ.update(bus.env)
        keepassxc = KeePassXC(screen, bus, DIR / "keepassxc")

        step("KeePassXC with an open database: the password is kept in it by `credential set`")
        with keepassxc.open(confirm=False):
            given = f"{USER}:{PASSWORD}\n"
            command = program.command("credential", "set", "--credential-stdin", "--keychain", home=home, state=DIR / "state")
            kept = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
            saw(kept.stdout.strip())
            check(kept.returncode == 0, f"credential set ended with {kept.returncode}: {kept.stdout}{kept.stderr}")

            step("A silent run finds it, logs in with it, and opens no window")
            silent(port26, screen, "would_fix", "port_blocked_network", 3)

        step("The same database, locked: a silent run opens no window and says that it is locked")
        with keepassxc.locked():
            said = silent(port26, screen, "needs_user", "keychain_locked", 6)
            check("locked" in said["message"] and "nlock" in said["hint"], f"{said}")

            step("To compare: whoever searches all of the service makes KeePassXC open its window")
            with Watch(screen) as watch:
                bus.search(HOST, 5)
            saw(f"it opened {watch.new()}")
            check(watch.new(), "no window opened, so this story proves nothing")

        step("Open again, and asked for each password: a silent run does not make it ask")
        with keepassxc.open(confirm=True):
            silent(port26, screen, "needs_user", "keychain_item", 6)
    check(picture(home) == before, "something in the home folder was changed")


if __name__ == "__main__":
    main(story)
