"""Servers that follow a script, one thread a connection. What they receive is kept, inside TLS and outside."""

import email.utils
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab.invented import HOST
from lab.listening import serve_each


@dataclass
class Smtp:
    """How a port behaves. The defaults are a good submission port."""

    name: str = HOST
    greeting: str | None = None  # None: "220 NAME ESMTP ready"; "": closes at once
    delay: float = 0  # seconds before the greeting
    silent: bool = False  # never says a word
    pause: float = 0  # seconds before each answer: a way of that length there and back
    implicit: bool = False
    certificate: str | None = "host"  # None: no TLS
    breaks: bool = False  # agrees to STARTTLS and answers the hello with something that is not TLS
    keywords: tuple = ("SIZE 10240000", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES")
    clear_auth: str | None = None  # mechanisms before TLS
    tls_auth: str | None = "PLAIN LOGIN"  # and after it
    auth: str = "235 2.7.0 Authentication successful"
    mail: str = "250 2.1.0 Ok"
    rcpt: str = "250 2.1.5 Ok"
    ehlo: str | None = None  # in place of the usual answer to EHLO; HELO is taken
    mute: bool = False  # greets, and never says another word
    starttls: str = "220 2.0.0 Ready to start TLS"
    starttls_word: str = "STARTTLS"  # as it stands in the answer to EHLO
    auth_word: str = "AUTH"
    prompts: bool = False  # asks for what came with AUTH PLAIN already
    line_end: str = "\r\n"
    says: list = field(default_factory=list)  # what was received: (inside TLS, line)


class Crowd:
    """How many connections an address has at a time, over all its ports, and how many there were of all."""

    def __init__(self):
        self.now = {}
        self.most = 0
        self.all = {}
        self._lock = threading.Lock()

    def change(self, address, by):
        """One more, or one less."""
        with self._lock:
            self.now[address] = self.now.get(address, 0) + by
            self.all[address] = self.all.get(address, 0) + max(by, 0)
            self.most = max(self.most, self.now[address])


CROWD = Crowd()


class Host:
    """Listens on one port of one or more addresses."""

    def __init__(self, certificates: Path, addresses, port, script):
        self.script = script
        self.port = port
        self._context = None
        if script.certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            base = certificates / script.certificate
            self._context.load_cert_chain(f"{base}.pem", f"{base}.key")
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address, port))
            listener.listen(50)
            serve_each(listener, self._serve)

    def _serve(self, connection):
        address = connection.getsockname()[0]
        CROWD.change(address, 1)
        try:
            connection.settimeout(90)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._talk(connection)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            CROWD.change(address, -1)

    def _talk(self, connection):
        script, inside = self.script, False
        if script.silent:
            while connection.recv(4096):
                pass
            return
        if script.implicit:
            connection, inside = self._context.wrap_socket(connection, server_side=True), True
        if script.greeting == "":
            return
        if not waited(connection, script.delay + script.pause):
            return
        greeting = script.greeting or f"220 {script.name} ESMTP ready"
        self._say(connection, greeting)
        if not greeting.startswith("220"):
            return
        reader = connection.makefile("rb")
        while line := reader.readline(8192):
            text = line.rstrip(b"\r\n").decode("utf-8", "replace")
            script.says.append((inside, text))
            if script.mute:
                continue
            time.sleep(script.pause)
            verb = text.split(" ")[0].upper()
            reply = "250 2.0.0 Ok"
            if verb == "EHLO" and script.ehlo:
                reply = script.ehlo
            elif verb == "EHLO":
                lines = [script.name, *script.keywords]
                if self._context and not inside and "XXXXXXXA" not in script.keywords:
                    lines.append(script.starttls_word)
                mechanisms = script.tls_auth if inside else script.clear_auth
                if mechanisms:
                    lines.append(f"{script.auth_word} {mechanisms}")
                lines.append("HELP")
                reply = "\r\n".join(f"250{' ' if one is lines[-1] else '-'}{one}" for one in lines)
            elif verb == "STARTTLS":
                if not self._context or inside:
                    reply = "502 5.5.1 Not here"
                else:
                    self._say(connection, script.starttls)
                    if script.breaks:
                        connection.recv(4096)
                        connection.sendall(b"-ERR something broke\r\n")
                        return
                    connection, inside = self._context.wrap_socket(connection, server_side=True), True
                    reader = connection.makefile("rb")
                    continue
            elif verb == "AUTH":
                if text.upper() == "AUTH LOGIN":
                    for prompt in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
                        connection.sendall(prompt)
                        reader.readline(8192)
                elif script.prompts:
                    self._say(connection, "334 ")
                    reader.readline(8192)
                reply = script.auth
            elif verb == "MAIL":
                reply = script.mail
            elif verb == "RCPT":
                reply = script.rcpt
            elif verb == "QUIT":
                connection.sendall(b"221 2.0.0 Bye\r\n")
                return
            self._say(connection, reply)

    def _say(self, connection, reply):
        """Latin-1, as servers wrote that were set up in the language of their country."""
        connection.sendall(f"{reply}\r\n".replace("\r\n", self.script.line_end).encode("latin-1"))

    def auths(self):
        return sum(1 for _, line in self.script.says if line.upper().startswith("AUTH "))


def waited(connection, seconds):
    """Waits; false as soon as the client has hung up, which is when its connection counts no longer."""
    if isinstance(connection, ssl.SSLSocket):
        time.sleep(seconds)
        return True
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not select.select([connection], [], [], left)[0]:
            continue
        if not connection.recv(1, socket.MSG_PEEK):
            return False
        time.sleep(min(left, 0.05))  # it speaks before it is greeted, and is left waiting all the same
    return True


class Web:
    """Answers every HTTP request in one way."""

    def __init__(self, addresses, status="204 No Content", headers=(), days=0, port=80):
        self.head = f"HTTP/1.1 {status}\r\n"
        self.headers = headers
        self.days = days
        for address in addresses:
            listener = socket.create_server((address, port), backlog=20)
            serve_each(listener, self._serve)

    def _serve(self, connection):
        try:
            connection.settimeout(5)
            connection.recv(4096)
            date = email.utils.formatdate(time.time() + self.days * 86400, usegmt=True)
            head = self.head + "".join(f"{line}\r\n" for line in self.headers)
            connection.sendall(f"{head}Date: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except OSError:
            pass
        connection.close()
