"""Postfix and Exim as a host's admin sets them up: port 26 is what docs/host-admins.md says, word for word."""

import base64
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

from lab.unpacked import LIBRARIES, folder_of, installed, wait_for

DOC = Path(__file__).resolve().parents[3] / "docs" / "host-admins.md"
EXIM_USER = 5093


def from_doc(name):
    """The block of the page that is marked `<!-- lab: NAME -->`."""
    block = re.search(rf"<!-- lab: {re.escape(name)} -->\n```[a-z]*\n(.*?)```", DOC.read_text(), re.S)
    if not block:
        raise ValueError(f"{DOC} has no block {name}")
    return block[1]


class SaslServer:
    """Answers Postfix as Dovecot's auth service does (Postfix SASL_README), and counts the questions."""

    def __init__(self, path, user, password):
        self.attempts = 0
        self._wanted = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self._user = user
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        os.chmod(path, 0o666)
        self._listener.listen(20)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        greeting = ("VERSION\t1\t2", "MECH\tPLAIN\tplaintext", "SPID\t1", "CUID\t1", "COOKIE\tabcdef0123456789abcdef0123456789", "DONE")
        connection.sendall("".join(f"{line}\n" for line in greeting).encode())
        for line in connection.makefile("r"):
            words = line.rstrip("\n").split("\t")
            if words[0] == "AUTH":
                self.attempts += 1
                given = next((word[5:] for word in words if word.startswith("resp=")), "")
                good = given == self._wanted
                reply = f"OK\t{words[1]}\tuser={self._user}\n" if good else f"FAIL\t{words[1]}\tuser={self._user}\n"
                connection.sendall(reply.encode())


def postfix(
    folder, certificates, address, name, user, password, ports=(25, 26, 465, 587), main="", options=None, certificate="host",
    login_service=True, postscreen=False,
):
    """Starts it on `address`; `options[port]` are more settings of that port. With `postscreen` port 25 is behind it, and
    without its login service nobody answers Postfix's questions. Returns the SASL server."""
    installed("/usr/sbin/postfix")
    root = folder / "postfix"
    for part in ("conf", "queue", "data"):
        (root / part).mkdir(parents=True)
    subprocess.run(["chown", "postfix", root / "data"], check=True)
    settings = f"""compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = {address}
inet_protocols = all
myhostname = {name}
mydestination = hosting.test
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtputf8_enable = no
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificates}/{certificate}.pem
smtpd_tls_key_file = {certificates}/{certificate}.key
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_client_connection_rate_limit = 0
{main}
"""
    (root / "conf/main.cf").write_text(settings)
    blocks = {26: from_doc("postfix port 26"), 587: from_doc("postfix port 26").replace("26 ", "587 ", 1).replace("postfix/26", "postfix/587")}
    master = []
    for port in ports:
        block = blocks.get(port, f"{port} inet n - - - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_tls_auth_only=yes\n")
        if port == 465:
            block += "  -o smtpd_tls_wrappermode=yes\n"
        if not block.endswith("\n"):
            block += "\n"
        more = "".join(f"  -o {{ {one} }}\n" for one in (options or {}).get(port, ()))
        if postscreen and port == 25:
            # as in Postfix's own master.cf: smtpd takes over what postscreen has let in
            block = "25 inet n - n - 1 postscreen\n" + more + block.replace("25 inet n", "smtpd pass -", 1)
            block += "tlsproxy unix - - n - 0 tlsproxy\ndnsblog unix - - n - 0 dnsblog\n"
            more = ""
        master.append(block + more)
    master.append("""cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
""")
    (root / "conf/master.cf").write_text("".join(master))
    told = folder / "postfix.told"
    with told.open("w") as out:  # a file, since the daemon keeps it open
        subprocess.run(["postfix", "-c", root / "conf", "start"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False)
    (root / "queue/private").mkdir(exist_ok=True)
    sasl = SaslServer(root / "queue/private/auth", user, password) if login_service else None
    for port in ports:
        if not (postscreen and port == 25):  # where being looked at would count as having been there
            wait_for(address, port, root / "log")
    return sasl


# What Exim writes into its log at each AUTH, to be counted.
AUTH_SEEN = "an AUTH was seen"
# No questions about the client's name, which this network's resolver would answer at once anyway, and none to the client.
QUICK = "host_lookup =\nrfc1413_hosts =\n"
# As hosts do that want no strangers at all; as it comes from the package, Exim refuses at RCPT.
REFUSED_AT_MAIL = """  accept authenticated = *
  accept condition = ${if !eq{$received_port}{25}}
  deny message = relay not permitted"""


def exim(folder, config, listens):
    """Starts Debian's Exim, unpacked beside the Postfix that it cannot be installed with."""
    unpacked = folder_of("exim")
    program = unpacked / "usr/sbin/exim4"
    root = folder / "exim"
    root.mkdir()
    os.chown(root, EXIM_USER, EXIM_USER)
    for name, line in (("passwd", f"Debian-exim:x:{EXIM_USER}:{EXIM_USER}::/nonexistent:/usr/sbin/nologin\n"), ("group", f"Debian-exim:x:{EXIM_USER}:\n")):
        known = "".join(one for one in Path(f"/etc/{name}").read_text().splitlines(True) if not one.startswith("Debian-exim:"))
        (folder / name).write_text(known + line)
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)
    text = f"""exim_path = {program}
spool_directory = {root}
log_file_path = {root}/%slog
pid_file_path = {root}/pid
keep_environment =
never_users =
{config}
"""
    (folder / "exim.conf").write_text(text)
    environment = dict(os.environ, LD_LIBRARY_PATH=str(unpacked / "usr/lib" / LIBRARIES))
    told = folder / "exim.told"
    command = [program, "-C", folder / "exim.conf", "-bd"]
    with told.open("w") as out:
        # not waited for: a daemon whose parent is process 1 of its namespace does not put itself into the background
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    for address, port in listens:
        wait_for(address, port, told)


def exim_host(folder, certificates, address, name, user, password, main=QUICK, at_mail=REFUSED_AT_MAIL, check=None):
    """A mail host by Exim; its port 26 as on the page. `check` is what it asks to know a password."""
    check = check or "${if and{{eq{$auth2}{" + user + "}}{eq{$auth3}{" + password + "}}}}"
    exim(
        folder,
        f"""primary_hostname = {name}
local_interfaces = {address}
tls_certificate = {certificates}/host.pem
tls_privatekey = {certificates}/host.key
{from_doc("exim main")}
{main}
acl_smtp_mail = acl_check_mail
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_auth = acl_check_auth
begin acl
acl_check_auth:
  accept logwrite = {AUTH_SEEN}
acl_check_mail:
{at_mail}
acl_check_rcpt:
{from_doc("exim acl")}
  accept domains = hosting.test
  accept authenticated = *
  deny message = relay not permitted
begin routers
begin transports
begin authenticators
{from_doc("exim authenticator").replace("USER-AND-PASSWORD-CHECK", check)}
""",
        [(address, port) for port in (25, 26, 465, 587)],
    )


def exim_proxy(folder, address):
    """An internet provider's proxy: plain SMTP under its own name, no STARTTLS, no login, takes everything."""
    exim(
        folder,
        f"""primary_hostname = relay.isp.test
local_interfaces = {address}
daemon_smtp_ports = 25
{QUICK}tls_advertise_hosts =
disable_ipv6 = true
acl_smtp_rcpt = acl_check_rcpt
begin acl
acl_check_rcpt:
  accept
begin routers
begin transports
""",
        [(address, 25)],
    )
