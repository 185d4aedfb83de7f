"""What every story needs: numbered steps, port 25 as the network treats it, port26 as a script calls it, and
the friend's mailbox."""

import binascii
import email
import email.policy
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from lab import port26, rules
from lab.invented import PASSWORD, USER

DIR = Path(os.environ["REAL_DIR"])
CA = DIR / "tls" / "ca.pem"
FRIEND = "friend@friend.test"


class StoryFailed(Exception):
    """The story did not go as it must; says what was seen."""


_step = 0


def step(text):
    """Announces the next step."""
    global _step
    _step += 1
    print(f"{_step:2}. {text}", flush=True)


def saw(text):
    """Tells what was seen in this step."""
    print(f"      {text}", flush=True)


def check(holds, text):
    """Fails the story unless `holds`."""
    if not holds:
        raise StoryFailed(text)


def main(story):
    """Runs a story; a failure is told with what was seen, and ends with code 1."""
    try:
        story()
    except StoryFailed as failure:
        print(f"      FAILED: {failure}", flush=True)
        raise SystemExit(1) from None


def port_25(mode):
    """What the network does with connections to port 25 of anybody: `open`, `drop` or `reject`."""
    rule = {"open": "", "drop": "tcp dport 25 drop", "reject": "tcp dport 25 reject with tcp reset"}[mode]
    rules.lay_down(rules.incoming(rule))


@dataclass
class Arrived:
    """How a message came in, by the headers the mail host wrote."""

    port: str
    login: str | None
    tls: str | None
    client: str


def arrived(subject, seconds=10, mailbox="friend"):
    """The message with this subject in a mailbox, or None when it does not come in time."""
    end = time.monotonic() + seconds
    while True:
        for file in (DIR / "mail" / mailbox).glob("*/*"):
            try:
                message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            except (FileNotFoundError, IsADirectoryError):
                continue  # it was on its way from tmp to new
            if message["subject"] != subject:
                continue
            received = " ".join(message.get_all("received", [""])[0].split())
            login = re.search(r"Authenticated sender: ([^)]+)", received)
            tls = re.search(r"using (TLS\S+)", received)
            client = str(message["user-agent"] or message["x-mailer"] or "")
            return Arrived(str(message["x-lab-port"]), login and login[1], tls and tls[1], client)
        if time.monotonic() > end:
            return None
        time.sleep(0.1)


def must_arrive(subject, port, secure, client="", mailbox="friend"):
    """The message came through this port, written by this client; `secure`: logged in, over TLS, else neither."""
    message = arrived(subject, mailbox=mailbox)
    check(message, f"the message '{subject}' did not arrive")
    saw(f"arrived: port {message.port}, login {message.login}, {message.tls or 'no TLS'}, {message.client}")
    check(message.port == str(port), f"it came through port {message.port}, not {port}")
    check(client.lower() in message.client.lower(), f"it was not written by {client}")
    check(message.login == (USER if secure else None), f"its login is {message.login}")
    check(bool(message.tls) == secure, f"its encryption is {message.tls}")


def logins():
    """What the mail host has seen of logins so far: the mechanism, and whether it was taken."""
    text = (DIR / "postfix/log").read_text()
    found = re.findall(r"sasl_method=([\w-]+)|SASL ([\w-]+) authentication (?:failed|aborted)", text)
    return [(taken or refused, bool(taken)) for taken, refused in found]


def by_hand(file, wanted):
    """What a person would set in the account's preferences, in a file of lines."""
    text = file.read_text()
    for name, value in wanted.items():
        text, found = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", text)
        check(found == 1, f"{name} stands {found} times in the account")
    file.write_text(text)


class Port26:
    """The program under test on one home folder, called as a script calls it."""

    def __init__(self, home, client, environment=None):
        self.home = home
        self.client = client
        self.state = DIR / "state"
        self.environment = environment

    def in_own_session(self):
        """The same, as its user starts it, who names no home."""
        environment = dict(os.environ, HOME=str(self.home))
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
            environment.pop(name, None)
        return Port26(None, self.client, environment)

    def run(self, verb, *flags, credential=False, expect=0):
        """Runs a verb with --json and returns the one document it prints."""
        given = ""
        if credential:
            flags, given = (*flags, "--credential-stdin"), f"{USER}:{PASSWORD}\n"
        try:
            done = port26.call(
                verb, *flags, home=self.home, state=self.state, given=given, environment=self.environment, limit=120
            )
        except port26.ShowsThePassword:
            raise StoryFailed(f"port26 {verb} shows the password") from None
        document = done.document
        if done.code != expect or document is None:
            raise StoryFailed(f"port26 {verb} ended with {done.code}\n{done.text}")
        check(document.get("schema") == "port26/1", f"port26 {verb}: schema is {document.get('schema')}")
        mine = [account for account in document.get("accounts", []) if account.get("client") == self.client]
        check(verb == "undo" or len(mine) == 1, f"port26 {verb}: accounts of {self.client}: {mine}")
        told = mine[0] if mine else {}
        verdict = (told.get("verdict") or {}).get("code")
        saw(f"port26 {verb}: {told.get('result') or verdict or 'done'} ({verdict}), {done.seconds:.1f} s")
        return told

    def fix(self, credential):
        """Moves the one account, or fails."""
        told = self.run("fix", "--yes", "--ca", CA, credential=credential)
        check(told.get("result") == "fixed", f"the account is not fixed: {json.dumps(told, indent=1)}")
        check(told.get("receipt"), "there is no receipt")
        self.secrets_stay_out()

    def fix_waits(self, credential=False):
        """A client that is open keeps its settings: nothing is changed, and the reason is told."""
        told = self.run("fix", "--yes", "--ca", CA, credential=credential, expect=6)
        reason = (told.get("reason") or {}).get("code")
        check((told.get("result"), reason) == ("deferred", "client_open"), f"it did not wait: {json.dumps(told, indent=1)}")

    def undo(self):
        """Puts back what the last fix changed."""
        self.run("undo", "--last", "--yes")

    def secrets_stay_out(self):
        """No password lies in port26's own files."""
        for file in self.state.rglob("*"):
            if file.is_file():
                held = file.read_bytes()
                packed = (binascii.a2b_base64(one) for one in re.findall(rb'"((?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/=]{4})"', held))
                check(all(PASSWORD.encode() not in one for one in (held, *packed)), f"the password is in {file}")
