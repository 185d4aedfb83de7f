"""Thunderbird: one that stays open, with an outgoing server for each host, the password in its own store."""

import subprocess

from cell import TLS_HOSTS, Variant
from clients.screen import Screen
from clients.thunderbird import Thunderbird
from lab.invented import PASSWORD, USER
from place import DIR, name_of

VARIANTS = (Variant("automatic"), Variant("cram_md5"), Variant("automatic", "implicit", TLS_HOSTS))
# authMethod 3 is "normal password", 4 "encrypted password"
METHODS = {"automatic": 3, "cram_md5": 4}
SOCKETS = {"starttls": 2, "implicit": 3}

# As the page "New account" makes it; a POP account, so that no copy goes to a server.
ACCOUNT = """
    const [host, user, password] = args, method = Ci.nsIMsgAuthMethod ?? Ci.nsMsgAuthMethod;
    const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
    const { CreateInBackend } = ChromeUtils.importESModule("resource:///modules/accountcreation/CreateInBackend.sys.mjs");
    const config = new AccountConfig();
    Object.assign(config, { displayName: "Hosting Provider", rememberPassword: true });
    Object.assign(config.identity, { realname: "Jan de Vries", emailAddress: user });
    Object.assign(config.incoming, { type: "pop3", hostname: host, port: 995, username: user, password, socketType: 3,
        auth: method.passwordCleartext, loginAtStartup: false, useGlobalInbox: false, leaveMessagesOnServer: true });
    Object.assign(config.outgoing, { type: "smtp", hostname: host, port: 26, username: user, password, socketType: 2,
        auth: method.passwordCleartext, addThisServer: true });
    await CreateInBackend.createAccountInBackend(config);
    await new Promise(done => setTimeout(done, 1500));
"""

# Another outgoing server, its password saved as the prompt saves it, for the next message.
SERVER = """
    const [host, port, socketType, authMethod, user, password] = args;
    for (const left of Services.wm.getEnumerator("msgcompose")) {
        left.gMsgCompose.compFields.needToCheckCharset = false;
        left.close();
    }
    const server = MailServices.outgoingServer.createServer("smtp");
    server.QueryInterface(Ci.nsISmtpServer);
    Object.assign(server, { hostname: host, port, socketType, authMethod, username: user, description: "Hosting Provider" });
    const origin = `smtp://${host}`;
    if (!(await Services.logins.searchLoginsAsync({ origin, httpRealm: origin })).length) {
        const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
        login.init(origin, null, origin, user, password, "", "");
        await Services.logins.addLoginAsync(login);
    }
    MailServices.accounts.defaultAccount.defaultIdentity.smtpServerKey = server.key;
"""


def version():
    return subprocess.run(["thunderbird", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def meet(cells, attempt):
    """Calls `attempt` with each cell and a function that sends a message with a subject."""
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        program = Thunderbird(screen, home)
        program.first_start()
        program.trust_ca()
        program._session(lambda remote: remote.script(ACCOUNT, name_of("postfix"), USER, PASSWORD))
        left = list(cells)

        def all_of_them(remote):
            while left:
                cell = left.pop(0)

                def send(subject, seconds):
                    remote.script(
                        SERVER, cell.host.name, cell.port, SOCKETS[cell.variant.mode], METHODS[cell.variant.auth], USER, PASSWORD
                    )
                    return program.send_now(remote, subject, seconds)

                attempt(cell, send)

        while left:
            program._session(all_of_them)
