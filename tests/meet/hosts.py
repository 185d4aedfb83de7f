"""The mail hosts that the programs meet: real daemons as packaged, each under a name and an address of its own, with port 26 as
docs/host-admins.md says, and 465 where it has one."""

import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from lab import dovecot
from lab.invented import PASSWORD, USER
from lab.programs import sh, start, wait_for
from packages import LIBRARIES, folder_of
from place import DIR, TLS, address_of, name_of
from servers import exim, postfix, submission
from what_was_said import at_dovecot, at_exim, at_postfix

# What Dovecot keeps of a password that it cannot ask CRAM-MD5 with.
HASHED = "{SSHA256}"
LOGIN_OF_EXIM = """login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = "Username:: : Password::"
  server_condition = ${if and{{eq{$auth1}{%s}}{eq{$auth2}{%s}}}}
  server_set_id = $auth1
""" % (USER, PASSWORD)
# Everything that is said, and the headers of what was taken, go into the log.
TELLING = """debug_peer_list = 0.0.0.0/0
debug_peer_level = 1
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_sasl_authenticated_header = yes
header_checks = regexp:{{/^Subject:/ INFO}}
"""
TELLING_OF_DOVECOT = """auth_verbose = yes
auth_debug = yes
auth_debug_passwords = yes
login_log_format_elements = user=<%u> method=%m rip=%r lip=%l mpid=%e tls=<%k>
"""
# Dovecot itself has a setting for the oldest version of TLS and none for the newest: it gets one from OpenSSL, where level 0 is as
# weak as TLS 1.0 needs it. The programs do not read this.
OPENSSL = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = this
[this]
MinProtocol = {version}
MaxProtocol = {version}
CipherString = DEFAULT@SECLEVEL={level}
"""
# What it and Postfix call the versions.
VERSIONS = {"1.0": "TLSv1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}


@dataclass
class Host:
    """One of them: what is special, the ports it has, the one version of TLS if there is but one, whether logins are announced
    before STARTTLS on 26, too, where it writes what it saw, and who can read that."""

    key: str
    what: str
    build: object
    ports: tuple = (26, 465)
    only: str = None
    in_the_clear: bool = False
    log: Path = None
    read: object = None

    @property
    def name(self):
        return name_of(self.key)

    @property
    def address(self):
        return address_of(self.key)

    def start(self):
        """Starts it; what it listens on is there afterwards."""
        folder = DIR / self.key
        folder.mkdir()
        folder.chmod(0o755)
        self.log, self.read = self.build(self, folder)


def logins(name, mechanisms, kept=None, more=""):
    """A Dovecot that answers Postfix's questions about logins. Returns its socket."""
    folder = DIR / f"logins-{name}"
    folder.mkdir()
    path = folder / "asked"
    told = dovecot.start(folder, TLS / "host", USER, PASSWORD, f"""{more or 'protocols ='}
ssl = yes
auth_mechanisms = {mechanisms}
auth_verbose = yes
service auth {{
  unix_listener {path} {{
    mode = 0666
  }}
}}
""", kept)
    for _ in range(100):  # a Postfix that finds nobody there ends its first process
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return path
        time.sleep(0.05)
    raise RuntimeError(f"Dovecot answers no questions: {told.read_text()}")


def by_postfix(asked, *settings, options=()):
    """A builder of a Postfix with a login service."""

    def build(host, folder):
        main, more = [TELLING, *settings], list(options)
        if asked:
            main.append(f"smtpd_sasl_path = {asked()}")
        if host.only:
            main += [f"smtpd_tls_{which}protocols = {VERSIONS[host.only]}" for which in ("", "mandatory_")]
        if host.in_the_clear:
            more += ["smtpd_tls_security_level = may", "smtpd_tls_auth_only = no"]
        postfix.host(
            folder, TLS, host.address, host.name, USER, PASSWORD, ports=host.ports, main="\n".join(main),
            options={port: more for port in host.ports}, login_service=False,
        )
        return folder / "postfix/log", at_postfix

    return build


def by_exim(authenticators=None):
    """A builder of an Exim."""

    def build(host, folder):
        more = "+subject +tls_cipher +received_sender +smtp_protocol_error +smtp_syntax_error +smtp_connection"
        telling = f"{exim.QUICK}log_selector = {more}\n"
        if host.only:
            telling += f"tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS{host.only}"
        exim.host(
            folder, TLS, host.address, host.name, USER, PASSWORD, main=telling, authenticators=authenticators,
            logins_for="*" if host.in_the_clear else None,
        )
        return folder / "exim/mainlog", at_exim

    return build


def behind():
    """The Postfix that Dovecot's submission services send on to. Returns its log."""
    folder = DIR / "behind"
    folder.mkdir()
    postfix.host(
        folder, TLS, "127.0.0.1", "behind.hosting.test", USER, PASSWORD, ports=(2526,),
        main=f"{TELLING}smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_tls_security_level = none",
        options={2526: ["smtpd_sasl_auth_enable = no", "smtpd_authorized_xclient_hosts = 127.0.0.1"]}, login_service=False,
    )
    return folder / "postfix/log"


def by_submission(host, folder):
    """Dovecot's submission service, with a Postfix behind it. It announces logins before STARTTLS whatever it is told."""
    sent_on = BEHIND()
    more = [TELLING_OF_DOVECOT]
    if host.only:
        version, file = VERSIONS[host.only], folder / "openssl.cnf"
        file.write_text(OPENSSL.format(version=version, level=0 if host.only == "1.0" else 2))
        more += [f"ssl_min_protocol = {version}", f"import_environment = TZ CORE_OUTOFMEM CORE_ERROR OPENSSL_CONF={file}"]
    submission.host(folder, TLS, host.address, host.name, USER, PASSWORD, more="\n".join(more))
    return folder / "dovecot/log", lambda text, subject: at_dovecot(text, subject, sent_on.read_text())


def saslauthd(host, folder):
    """Cyrus SASL as Postfix finds it when nobody lists the mechanisms: it offers all of its plugins, and can check passwords only."""
    imap = "protocols = imap\nlisten = 127.0.0.1\ndisable_plaintext_auth = no\nmail_location = maildir:/tmp\n" \
        "userdb {\n driver = static\n args = uid=65534 gid=65534 home=/tmp\n}\n" \
        "service imap-login {\n inet_listener imap {\n port = 1143\n }\n inet_listener imaps {\n port = 0\n }\n}"
    logins("rimap", "plain login", more=imap)
    unpacked = folder_of("sasl")
    environment = dict(os.environ, LD_LIBRARY_PATH=f"{unpacked}/usr/lib/{LIBRARIES}")
    mux = folder / "saslauthd"
    mux.mkdir()
    start(
        folder, "saslauthd", unpacked / "usr/sbin/saslauthd", "-d", "-a", "rimap", "-O", "127.0.0.1/1143", "-r", "-m", mux, "-n", 2,
        env=environment,
    )
    wait_for("127.0.0.1", 1143)
    # where Debian's Postfix looks for it
    settings = folder / "postfix/conf/sasl"
    settings.mkdir(parents=True)
    (settings / "smtpd.conf").write_text(f"pwcheck_method: saslauthd\nsaslauthd_path: {mux}/mux\n")
    return by_postfix(None, "smtpd_sasl_type = cyrus", "smtpd_sasl_path = smtpd")(host, folder)


def once(make):
    """The same server for all who ask for it."""
    made = []
    lock = threading.Lock()

    def get():
        with lock:
            if not made:
                made.append(make())
        return made[0]

    return get


BEHIND = once(behind)
PLAIN_LOGIN = once(lambda: logins("plain-login", "plain login"))
NO_LOGIN = ["smtpd_sasl_auth_enable = no"]
TAKES_ALL = [*NO_LOGIN, *(f"smtpd_{of}_restrictions = permit_mynetworks, reject" for of in ("relay", "recipient"))]


def hashed():
    return HASHED + sh("doveadm", "pw", "-s", "SSHA256", "-p", PASSWORD).strip().removeprefix(HASHED)


HOSTS = {
    host.key: host
    for host in (
        Host("postfix", "Postfix, PLAIN LOGIN, TLS 1.0 to 1.3", by_postfix(PLAIN_LOGIN)),
        Host("tls12", "Postfix, TLS 1.2 only", by_postfix(PLAIN_LOGIN), only="1.2"),
        Host("tls13", "Postfix, TLS 1.3 only", by_postfix(PLAIN_LOGIN), only="1.3"),
        Host("tls10", "Postfix, TLS 1.0 only, AUTH also in the clear", by_postfix(PLAIN_LOGIN), (26,), "1.0", in_the_clear=True),
        Host("plain", "Postfix and Dovecot, PLAIN only", by_postfix(lambda: logins("plain", "plain"))),
        Host("login", "Postfix and Dovecot, LOGIN only", by_postfix(lambda: logins("login", "login"))),
        Host("cram-hashed", "Postfix and Dovecot, PLAIN LOGIN CRAM-MD5 over hashed passwords: CRAM-MD5 always fails",
             by_postfix(lambda: logins("cram-hashed", "plain login cram-md5", hashed()))),
        Host("saslauthd", "Postfix and Cyrus SASL with saslauthd, all its plugins offered: only PLAIN and LOGIN can work", saslauthd),
        Host("cram", "Postfix and Dovecot, PLAIN LOGIN CRAM-MD5, all work", by_postfix(lambda: logins("cram", "plain login cram-md5"))),
        Host("cram-only", "Postfix and Dovecot, CRAM-MD5 only", by_postfix(lambda: logins("cram-only", "cram-md5"))),
        Host("exim", "Exim, PLAIN LOGIN", by_exim()),
        Host("exim-tls12", "Exim, TLS 1.2 only", by_exim(), only="1.2"),
        Host("exim-tls13", "Exim, TLS 1.3 only", by_exim(), only="1.3"),
        Host("exim-tls10", "Exim, TLS 1.0 only, AUTH also in the clear", by_exim(), (26,), "1.0", in_the_clear=True),
        Host("exim-login", "Exim, LOGIN only", by_exim(LOGIN_OF_EXIM)),
        Host("submission", "Dovecot's submission service, PLAIN LOGIN", by_submission, (26,), in_the_clear=True),
        Host("submission-tls12", "Dovecot's submission service, TLS 1.2 only", by_submission, (26,), "1.2", in_the_clear=True),
        Host("submission-tls13", "Dovecot's submission service, TLS 1.3 only", by_submission, (26,), "1.3", in_the_clear=True),
        Host("submission-tls10", "Dovecot's submission service, TLS 1.0 only, AUTH also in the clear", by_submission, (26,), "1.0",
             in_the_clear=True),
        Host("no-auth", "Postfix without a login on 26, relays for nobody", by_postfix(None, options=NO_LOGIN)),
        Host("no-auth-open", "Postfix without a login on 26, relays for everybody", by_postfix(None, "mynetworks = 0.0.0.0/0", options=TAKES_ALL)),
        Host("tls10-hidden", "Postfix, TLS 1.0 only, AUTH inside it only: what has no TLS 1.0 cannot know its logins",
             by_postfix(PLAIN_LOGIN), only="1.0"),
    )
}
