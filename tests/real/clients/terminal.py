"""A person at a terminal: starts a program in a pseudo-terminal, answers its questions, sees what it shows."""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time

from story import StoryFailed


class Terminal:
    """One program in a terminal of 100 columns. `shown` is everything that came on the screen."""

    def __init__(self, command):
        self._master, slave = pty.openpty()
        environment = dict(os.environ, TERM="xterm", COLUMNS="100")

        def own_terminal():
            # /dev/tty, where passwords are asked for
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self._program = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, preexec_fn=own_terminal)
        self._slave = slave
        self.shown = ""

    def _read(self, seconds):
        """More of what is shown; False when the program has closed its terminal."""
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            self.shown += os.read(self._master, 65536).decode("utf-8", "replace")
        except OSError:
            return False
        return True

    def wait_for(self, question, seconds=20):
        """Waits until the program asks this."""
        end = time.monotonic() + seconds
        while question not in self.shown:
            if time.monotonic() > end or not self._read(0.2):
                raise StoryFailed(f"never asked {question!r}; shown was:\n{self.shown}")

    def type(self, answer):
        """Types a line."""
        time.sleep(0.2)  # as a person does: the question is read before the terminal is asked to hide the answer
        os.write(self._master, answer.encode() + b"\n")

    def echoes(self):
        """Whether what is typed now would be shown."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def interrupt(self, seconds=10):
        """Types Ctrl-C, and waits for the program's end."""
        time.sleep(0.2)
        os.write(self._master, b"\x03")
        self._program.wait(seconds)

    def end(self, seconds=30):
        """Waits for the program's end and returns its exit code."""
        os.close(self._slave)
        end = time.monotonic() + seconds
        while self._read(0.2):
            if time.monotonic() > end:
                self._program.kill()
                raise StoryFailed(f"it does not end; shown was:\n{self.shown}")
        os.close(self._master)
        return self._program.wait()
