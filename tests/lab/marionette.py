"""Mozilla's remote control: scripts with the program's own rights, over one TCP connection."""

import json
import socket
import time

PORT = 2828


class MarionetteError(Exception):
    """What the program answered instead of a result."""


class Marionette:
    """One session. `script` runs JavaScript in the program's main process."""

    def __init__(self, alive, seconds=60, port=PORT):
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), 5)
                break
            except OSError as error:
                if time.monotonic() > end or not alive():
                    raise MarionetteError("the program does not listen") from error
                time.sleep(0.1)
        self.socket.settimeout(200)
        self.pending = b""
        self.number = 0
        self._message()
        self.command("WebDriver:NewSession", capabilities={"alwaysMatch": {"unhandledPromptBehavior": "ignore"}})
        self.command("Marionette:SetContext", value="chrome")
        self.command("WebDriver:SetTimeouts", script=190_000)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise MarionetteError("the program closed the connection")
        self.pending += data

    def _message(self):
        while b":" not in self.pending:
            self._more()
        length, self.pending = self.pending.split(b":", 1)
        while len(self.pending) < int(length):
            self._more()
        message, self.pending = self.pending[: int(length)], self.pending[int(length) :]
        return json.loads(message)

    def command(self, name, **parameters):
        """Sends a command and returns its result."""
        self.number += 1
        message = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        while True:
            _, number, error, result = self._message()
            if number == self.number:
                break
        if error:
            raise MarionetteError(f"{error.get('error')}: {error.get('message')}")
        return result.get("value", result) if isinstance(result, dict) else result

    def script(self, body, *args):
        """Runs the body of an async function of `args`; returns what it returns."""
        source = (
            "const given = [...arguments], done = given.pop();"
            'const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");'
            "(async (args) => {" + body + "})(given).then("
            "value => done({ value: value ?? null }), error => done({ error: `${error}\\n${error?.stack}` }));"
        )
        answer = self.command(
            "WebDriver:ExecuteAsyncScript", script=source, args=list(args), sandbox="system", newSandbox=True
        )
        if "error" in answer:
            raise MarionetteError(answer["error"])
        return answer["value"]
