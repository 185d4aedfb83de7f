"""Debian's Exim as a host's admin sets it up, and as an internet provider's proxy."""

import os
import re
import subprocess
from pathlib import Path

from lab.programs import sh, wait_for
from packages import LIBRARIES, folder_of
from servers.host_admins import from_doc

EXIM_USER = 5093

# What Exim writes into its log at each AUTH, to be counted.
AUTH_SEEN = "an AUTH was seen"
# No questions about the client's name, which this network's resolver would answer at once anyway, and none to the client.
QUICK = "host_lookup =\nrfc1413_hosts =\n"
# As hosts do that want no strangers at all; as it comes from the package, Exim refuses at RCPT.
REFUSED_AT_MAIL = """  accept authenticated = *
  accept condition = ${if !eq{$received_port}{25}}
  deny message = relay not permitted"""


def start(folder, config, listens):
    """Starts Debian's Exim, unpacked beside the Postfix that it cannot be installed with."""
    unpacked = folder_of("exim")
    program = unpacked / "usr/sbin/exim4"
    root = folder / "exim"
    root.mkdir()
    os.chown(root, EXIM_USER, EXIM_USER)
    for name, line in (("passwd", f"Debian-exim:x:{EXIM_USER}:{EXIM_USER}::/nonexistent:/usr/sbin/nologin\n"), ("group", f"Debian-exim:x:{EXIM_USER}:\n")):
        known = "".join(one for one in Path(f"/etc/{name}").read_text().splitlines(True) if not one.startswith("Debian-exim:"))
        (folder / name).write_text(known + line)
        sh("mount", "--bind", folder / name, f"/etc/{name}")
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


def for_login(check):
    """A check of user and password as it reads for LOGIN, whose first word is the user."""
    return check.replace("$auth2", "$auth1").replace("$auth3", "$auth2")


def announced_to(whom):
    """The page's main section; with `whom`, logins are announced to these."""
    section = from_doc("exim main")
    return re.sub("(?m)^(auth_advertise_hosts =).*$", rf"\1 {whom}", section) if whom else section


def host(
    folder, certificates, address, name, user, password, main=QUICK, at_mail=REFUSED_AT_MAIL, check=None, authenticators=None,
    logins_for=None,
):
    """A mail host by Exim; its port 26 as on the page. `check` is what it asks to know a password; `authenticators` stand in the
    place of the page's, and `logins_for` in that of whom they are announced to."""
    check = check or "${if and{{eq{$auth2}{" + user + "}}{eq{$auth3}{" + password + "}}}}"
    start(
        folder,
        f"""primary_hostname = {name}
local_interfaces = {address}
tls_certificate = {certificates}/host.pem
tls_privatekey = {certificates}/host.key
{announced_to(logins_for)}
{main}
acl_smtp_mail = acl_check_mail
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_auth = acl_check_auth
begin acl
acl_check_auth:
  accept logwrite = {AUTH_SEEN}: $smtp_command
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
{authenticators or from_doc("exim authenticator").replace("USER-AND-PASSWORD-CHECK", check).replace("THE-SAME-CHECK-FOR-LOGIN", for_login(check))}
""",
        [(address, port) for port in (25, 26, 465, 587)],
    )


def proxy(folder, address):
    """An internet provider's proxy: plain SMTP under its own name, no STARTTLS, no login, takes everything."""
    start(
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
