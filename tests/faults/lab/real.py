"""Postfix and Exim as a host's admin sets them up: port 26 is what docs/host-admins.md says, word for word."""

import base64
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

DOC = Path(__file__).resolve().parents[3] / "docs" / "host-admins.md"
EXIM_USER = 5093


class NotInstalled(Exception):
    """A server that this row needs is not there."""


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


def postfix(folder, certificates, address, name, user, password, ports=(25, 26, 465, 587), main="", options=None):
    """Starts it on `address`; `options[port]` are more settings of that port. Returns the SASL server."""
    if not Path("/usr/sbin/postfix").exists():
        raise NotInstalled("postfix")
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
smtpd_tls_cert_file = {certificates}/host.pem
smtpd_tls_key_file = {certificates}/host.key
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
        master.append(block + "".join(f"  -o {{ {one} }}\n" for one in (options or {}).get(port, ())))
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
    sasl = SaslServer(root / "queue/private/auth", user, password)
    for port in ports:
        wait_for(address, port, f"{told.read_text()} {(root / 'log').read_text() if (root / 'log').exists() else ''}")
    return sasl


def wait_for(address, port, told=""):
    """Waits until somebody listens there."""
    for _ in range(100):
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {address} port {port}: {told}")


def exim(folder, config, listens):
    """Starts Debian's Exim, unpacked beside the Postfix that it cannot be installed with."""
    unpacked = Path(os.environ.get("FAULTS_EXIM", ""))
    program = unpacked / "usr/sbin/exim4"
    if not os.environ.get("FAULTS_EXIM") or not program.exists():
        raise NotInstalled("exim4-daemon-light")
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
host_lookup =
rfc1413_hosts =
never_users =
{config}
"""
    (folder / "exim.conf").write_text(text)
    environment = dict(os.environ, LD_LIBRARY_PATH=str(unpacked / "usr/lib/x86_64-linux-gnu"))
    told = folder / "exim.told"
    command = [program, "-C", folder / "exim.conf", "-bd"]
    with told.open("w") as out:
        # not waited for: a daemon whose parent is process 1 of its namespace does not put itself into the background
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    for address, port in listens:
        wait_for(address, port, told.read_text())


def exim_host(folder, certificates, address, name, user, password):
    """A mail host by Exim; its port 26 as on the page."""
    exim(
        folder,
        f"""primary_hostname = {name}
local_interfaces = {address}
tls_certificate = {certificates}/host.pem
tls_privatekey = {certificates}/host.key
{from_doc("exim main")}
acl_smtp_mail = acl_check_mail
acl_smtp_rcpt = acl_check_rcpt
begin acl
acl_check_mail:
  accept authenticated = *
  accept condition = ${{if !eq{{$received_port}}{{25}}}}
  deny message = relay not permitted
acl_check_rcpt:
{from_doc("exim acl")}
  accept domains = hosting.test
  accept authenticated = *
  deny message = relay not permitted
begin routers
begin transports
begin authenticators
{from_doc("exim authenticator").replace("USER-AND-PASSWORD-CHECK", "${if and{{eq{$auth2}{" + user + "}}{eq{$auth3}{" + password + "}}}}")}
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
tls_advertise_hosts =
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
