"""Postfix as a host's admin sets it up."""

import base64
import os
import socket

from lab import postfix
from lab.invented import DOMAIN
from lab.listening import serve_each
from lab.programs import wait_for
from servers.host_admins import from_doc

PORT_26 = from_doc("postfix port 26")
BLOCKS = {26: PORT_26, 587: PORT_26.replace("26 ", "587 ", 1).replace("postfix/26", "postfix/587")}


class SaslServer:
    """Answers Postfix as Dovecot's auth service does (Postfix SASL_README), and counts the questions."""

    def __init__(self, path, user, password):
        self.attempts = 0
        self._wanted = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self._user = user
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        os.chmod(path, 0o666)
        listener.listen(20)
        serve_each(listener, self._serve)

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


def host(
    folder, certificates, address, name, user, password, ports=(25, 26, 465, 587), main="", options=None, certificate="host",
    login_service=True, postscreen=False,
):
    """Starts it on `address`; `options[port]` are more settings of that port. With `postscreen` port 25 is behind it, and
    without its login service nobody answers Postfix's questions. Returns the SASL server."""
    root = folder / "postfix"
    settings = f"""inet_interfaces = {address}
inet_protocols = all
mydestination = {DOMAIN}
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
{main}
"""
    lines = "".join(listening(port, (options or {}).get(port, ()), postscreen and port == 25) for port in ports)
    postfix.start(root, name, f"{certificates}/{certificate}", settings, lines)
    sasl = SaslServer(root / "queue/private/auth", user, password) if login_service else None
    for port in ports:
        if not (postscreen and port == 25):  # where being looked at would count as having been there
            wait_for(address, port, root / "log")
    return sasl


def listening(port, options, postscreen):
    """The lines of master.cf for one port."""
    block = BLOCKS.get(port, f"{port} inet n - - - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_tls_auth_only=yes\n")
    if port == 465:
        block += "  -o smtpd_tls_wrappermode=yes\n"
    if not block.endswith("\n"):
        block += "\n"
    more = "".join(f"  -o {{ {one} }}\n" for one in options)
    if not postscreen:
        return block + more
    # as in Postfix's own master.cf: smtpd takes over what postscreen has let in
    smtpd = block.replace("25 inet n", "smtpd pass -", 1)
    return f"25 inet n - n - 1 postscreen\n{more}{smtpd}tlsproxy unix - - n - 0 tlsproxy\ndnsblog unix - - n - 0 dnsblog\n"
