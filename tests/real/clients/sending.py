"""What the drivers of programs with windows have in common: the address that opens a message, and waiting for what becomes of it."""

import re
import time
from urllib.parse import quote

from story import FRIEND, arrived


def mailto(subject):
    """A message to the friend, as a browser hands it to a mail program."""
    return f"mailto:{FRIEND}?subject={quote(subject)}&body={quote('Written and sent by the real program.')}"


def typed(screen, password):
    """A person types this into a window and agrees."""

    def act(window):
        time.sleep(0.7)
        screen.xdotool("windowfocus", "--sync", window, "type", "--clearmodifiers", password)
        screen.press(window, "Return")

    return act


def watch(screen, name, subject, seconds, known, answers):
    """Waits until a message has arrived. Returns (has it, titles of the windows that came meanwhile). `known`: windows that were there
    before; `answers`: by the title of a window, what a person does with it."""
    shown = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if arrived(subject, seconds=0):
            return True, list(shown.values())
        for window, title in screen.windows().items():
            if window in known or window in shown or not title:
                continue
            shown[window] = title
            screen.shot(f"{name}-{time.monotonic():.0f}")
            for pattern, act in answers.items():
                if re.search(pattern, title):
                    act(window)
        time.sleep(0.2)
    screen.shot(f"{name}-{time.monotonic():.0f}")
    return False, [*shown.values(), f"nothing arrived within {seconds} s"]
