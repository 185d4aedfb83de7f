"""The real Thunderbird: it makes its profile and account itself, sends a message as a person would, and its
settings are read back from its files."""

import configparser
import json
import os
import re
import signal
import subprocess
import time

from lab.marionette import Marionette, MarionetteError
from lab.invented import HOST, PASSWORD, USER
from lab.quiet import USER_JS
from story import CA, DIR, FRIEND, StoryFailed, check

# What the page "New account" calls when the user presses its last button.
NEW_ACCOUNT = """
    const [host, user, password] = args, method = Ci.nsIMsgAuthMethod ?? Ci.nsMsgAuthMethod;
    const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
    const { CreateInBackend } = ChromeUtils.importESModule("resource:///modules/accountcreation/CreateInBackend.sys.mjs");
    const config = new AccountConfig();
    Object.assign(config, { displayName: "Hosting Provider", rememberPassword: true });
    Object.assign(config.identity, { realname: "Jan de Vries", emailAddress: user });
    Object.assign(config.incoming, { type: "imap", hostname: host, port: 143, username: user, password, socketType: 0,
        auth: method.passwordCleartext, loginAtStartup: false });
    Object.assign(config.outgoing, { type: "smtp", hostname: host, port: 25, username: user, password, socketType: 0,
        auth: method.none, addThisServer: true });
    await CreateInBackend.createAccountInBackend(config);
    await new Promise(done => setTimeout(done, 1500));
"""

COMPOSE = """
    const [to, subject] = args, make = (id, kind) => Cc[`@mozilla.org/messengercompose/${id};1`].createInstance(kind);
    const fields = make("composefields", Ci.nsIMsgCompFields), parts = make("composeparams", Ci.nsIMsgComposeParams);
    Object.assign(fields, { to, subject, body: "Written and sent by the real client.\\r\\n" });
    Object.assign(parts, { composeFields: fields, format: Ci.nsIMsgCompFormat.PlainText, type: Ci.nsIMsgCompType.New,
        identity: MailServices.accounts.defaultAccount.defaultIdentity });
    MailServices.compose.OpenComposeWindowWithParams(null, parts);
    for (let tries = 0; tries < 200; tries++) {
        await new Promise(done => setTimeout(done, 100));
        const window = Services.wm.getMostRecentWindow("msgcompose");
        if (window?.gMsgCompose?.editor && window.gWindowLoaded !== false && window.document.readyState == "complete") return;
    }
    throw new Error("the compose window did not open");
"""

# Presses Send, notes every dialog and dismisses it as somebody does who knows no password.
SEND = """
    const main = Services.wm.getMostRecentWindow("mail:3pane"), seen = main.port26Seen = { dialogs: [] };
    if (main.port26Watch) Services.obs.removeObserver(main.port26Watch, "common-dialog-loaded");
    Services.obs.addObserver(main.port26Watch = window => {
        const asked = window.Dialog?.args ?? {}, buttons = window.document.querySelector("dialog");
        seen.dialogs.push(`${asked.title ?? ""}: ${asked.text ?? ""}`.replace(/\\s+/g, " "));
        const press = /^(prompt|confirm)/.test(asked.promptType) ? "cancel" : "accept";
        window.setTimeout(() => buttons.getButton(press).click(), 100);
    }, "common-dialog-loaded");
    const compose = Services.wm.getMostRecentWindow("msgcompose");
    compose.gMsgCompose.addMsgSendListener({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener"]),
        onStartSending() {}, onSendProgress() {}, onStatus() {}, onGetDraftFolderURI() {}, onSendNotPerformed() {},
        onStopSending(id, status) { if (status) seen.failed = status; },
        onTransportSecurityError(id, status, info) { seen.dialogs.push(`TLS: ${info?.errorCodeString ?? status}`); },
    });
    compose.addEventListener("unload", () => { seen.sent = true; });
    compose.setTimeout(() => compose.goDoCommand("cmd_sendNow"), 0);
"""

# "Send Later" of the compose window, until the message waits in the Outbox.
LATER = """
    const [wanted] = args, compose = Services.wm.getMostRecentWindow("msgcompose");
    const local = MailServices.accounts.localFoldersServer.rootFolder;
    compose.setTimeout(() => compose.goDoCommand("cmd_sendLater"), 0);
    for (let tries = 0; tries < 100; tries++) {
        await new Promise(done => setTimeout(done, 100));
        if (local.getFolderWithFlags(Ci.nsMsgFolderFlags.Queue)?.getTotalMessages(false) == wanted && compose.closed) return;
    }
    throw new Error("the message does not wait");
"""

# Removes a message that waits, as its person does; the folder is not compacted.
REMOVE = """
    const [subject] = args, local = MailServices.accounts.localFoldersServer.rootFolder;
    const folder = local.getFolderWithFlags(Ci.nsMsgFolderFlags.Queue);
    folder.deleteMessages([...folder.messages].filter(one => one.subject == subject), null, false, true, null, false);
    await new Promise(done => setTimeout(done, 1500));
"""

# "Send Unsent Messages".
SEND_WAITING = """
    const later = Cc["@mozilla.org/messengercompose/sendlater;1"].getService(Ci.nsIMsgSendLater);
    const ended = new Promise(done => later.addListener({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgSendLaterListener"]),
        onStartSending() {}, onMessageStartSending() {}, onMessageSendProgress() {}, onMessageSendError() {},
        onStopSending(status, text, tried, sent) { done([tried, sent]); },
    }));
    later.sendUnsentMessages(null);
    return await ended;
"""

SEEN = """return Services.wm.getMostRecentWindow("mail:3pane").port26Seen;"""


class Thunderbird:
    """Thunderbird of one home folder. Closed except inside its methods."""

    def __init__(self, screen, home):
        self.screen = screen
        self.home = home
        self.profile = None
        self.env = dict(screen.env, MOZ_CRASHREPORTER_DISABLE="1", MOZ_DISABLE_CONTENT_SANDBOX="1", MOZ_REMOTE_ALLOW_SYSTEM_ACCESS="1")

    def _launch(self, *args):
        log = DIR / "thunderbird.log"
        with open(log, "ab") as out:
            return subprocess.Popen(["thunderbird", *args], env=self.env, stdout=out, stderr=out, start_new_session=True)

    def first_start(self):
        """Lets Thunderbird lay out its folder: it makes two profiles, and uses the one of its installation."""
        process = self._launch("--headless")
        installs = self.home / ".thunderbird" / "installs.ini"
        end = time.monotonic() + 60
        while time.monotonic() < end and self.profile is None:
            time.sleep(0.2)
            if installs.exists():
                ini = configparser.ConfigParser()
                ini.read(installs)
                used = [section["Default"] for section in ini.values() if "Default" in section]
                if used and (installs.parent / used[0] / "prefs.js").exists():
                    self.profile = installs.parent / used[0]
        time.sleep(2)
        _end(process)
        check(self.profile, "Thunderbird made no profile within 60 s")

    def trust_ca(self):
        """The profile trusts the invented CA, as a person who imported it would have it."""
        env = dict(os.environ, LD_LIBRARY_PATH="/usr/lib/thunderbird")
        subprocess.run(
            ["certutil", "-A", "-d", f"sql:{self.profile}", "-n", "Invented Test CA", "-t", "C,,", "-i", str(CA)], env=env, check=True
        )

    def _session(self, work):
        quiet = self.profile / "user.js"
        quiet.write_text(USER_JS)
        process = self._launch("--marionette", "--remote-allow-system-access")
        try:
            remote = Marionette(lambda: process.poll() is None)
            result = work(remote)
            try:
                remote.command("Marionette:Quit", flags=["eForceQuit"])
                process.wait(30)
            except (MarionetteError, subprocess.TimeoutExpired) as error:
                raise StoryFailed(f"Thunderbird did not close: {error}") from error
            return result
        except (MarionetteError, TimeoutError) as error:
            self.screen.shot("thunderbird")
            raise StoryFailed(f"Thunderbird: {error}") from error
        finally:
            _end(process)
            quiet.unlink()

    def new_account(self):
        """An account as old as the hills: IMAP, and port 25 without authentication or encryption."""
        self._session(self.new_account_now)

    def new_account_now(self, remote):
        """The same in a Thunderbird that is open."""
        remote.script(NEW_ACCOUNT, HOST, USER, PASSWORD)

    def in_one_session(self, work):
        """`work` with the remote control of a Thunderbird that is opened for it."""
        return self._session(work)

    def send(self, subject, seconds=60):
        """Writes and sends a message. Returns (was it sent, the dialogs shown)."""
        return self._session(lambda remote: self.send_now(remote, subject, seconds))

    def send_now(self, remote, subject, seconds):
        """The same in a Thunderbird that is open."""
        remote.script(COMPOSE, FRIEND, subject)
        remote.script(SEND)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            seen = remote.script(SEEN)
            if seen.get("sent"):
                return True, seen["dialogs"]
            if seen.get("failed"):
                time.sleep(1)  # the dialog comes after the failure
                return False, remote.script(SEEN)["dialogs"]
        self.screen.shot("thunderbird")
        return False, [*seen["dialogs"], f"nothing happened within {seconds} s"]

    def write_for_later(self, remote, subjects):
        """Writes messages and lays each into the Outbox, which is empty, in a Thunderbird that is open."""
        for number, subject in enumerate(subjects, 1):
            remote.script(COMPOSE, FRIEND, subject)
            remote.script(LATER, number)

    def remove_waiting(self, remote, subject):
        """Deletes a message that waits; the file still has it."""
        remote.script(REMOVE, subject)

    def send_waiting(self):
        """Sends what waits. Returns how many were tried, and how many went out."""
        return self._session(lambda remote: remote.script(SEND_WAITING))

    def while_open(self, act):
        """Does something while Thunderbird is open."""
        return self._session(lambda remote: act())

    def settings(self):
        """The outgoing server's settings as they are in prefs.js, and the saved logins, without what mere use changes."""
        text = (self.profile / "prefs.js").read_text()
        server = re.search(r'^user_pref\("mail\.smtp\.defaultserver", "(\w+)"\);', text, re.M)[1]
        rest = re.findall(rf'^user_pref\("mail\.smtpserver\.{server}\.(\w+)", (.*)\);', text, re.M)
        logins = json.loads((self.profile / "logins.json").read_text())["logins"]
        in_use = {"timeLastUsed", "timesUsed", "timePasswordChanged"}
        kept = [{name: value for name, value in login.items() if name not in in_use} for login in logins]
        return dict(rest), sorted(kept, key=lambda login: login["hostname"])


def _end(process):
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
