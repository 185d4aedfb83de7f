"""What a host's log tells of one attempt: the login commands and their answers, the encryption, and whether the message was taken."""

import re
from dataclasses import dataclass, field


@dataclass
class Attempt:
    """As the host saw it. `login` is who it took the message from, `tls` the version that was spoken."""

    arrived: bool = False
    login: str | None = None
    tls: str | None = None
    auths: list = field(default_factory=list)  # [mechanism, with an initial response, answer]
    offered: list = field(default_factory=list)
    commands: list = field(default_factory=list)  # the verbs, in order
    refused: str | None = None  # the last refusal that was no answer to a login


def _auth(line):
    words = line.split()
    return [words[1].upper(), len(words) > 2, None]


def at_postfix(text, subject):
    """Postfix's log with `debug_peer_list`: every line that was said to it and by it."""
    seen = Attempt()
    for line in text.splitlines():
        if said := re.search(r"smtpd\[\d+\]: < [^:]+: (.*)", line):
            words = said[1].split() or [""]
            verb = words[0].upper()
            # an answer in the middle of a login is no command
            if verb in ("EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "QUIT"):
                seen.commands.append(verb)
            if verb == "AUTH" and len(words) > 1:
                seen.auths.append(_auth(said[1]))
        elif said := re.search(r"smtpd\[\d+\]: > [^:]+: (\d{3})([ -])(.*)", line):
            code, _, rest = said.groups()
            if code == "250" and rest.startswith("AUTH "):
                seen.offered = rest.split()[1:]
            if seen.auths and seen.auths[-1][2] is None and code != "334":
                seen.auths[-1][2] = code
            elif code[0] in "45":
                seen.refused = f"{code} {rest}"
        elif version := re.search(r"TLS connection established from [^:]+: (TLSv\S+)", line):
            seen.tls = version[1]
    taken = re.search(r"cleanup\[\d+\]: (\w+): info: header Subject: " + re.escape(subject) + " ", text)
    if taken:
        seen.arrived = True
        login = re.search(rf"smtpd\[\d+\]: {taken[1]}: client=.* sasl_username=(\S+)", text)
        seen.login = login and login[1]
    return seen


def at_exim(text, subject):
    """Exim's main log."""
    seen = Attempt()
    for line in text.splitlines():
        if said := re.search(r"an AUTH was seen: (.*)", line):
            seen.auths.append([said[1].split()[1].upper(), len(said[1].split()) > 2, None])
        elif "authenticator failed" in line and seen.auths:
            seen.auths[-1][2] = "535"
        elif "authentication mechanism not supported" in line and seen.auths:
            seen.auths[-1][2] = "504"
        elif " <= " in line and f'T="{subject}"' in line:
            seen.arrived = True
            login = re.search(r" A=\w+:(\S+)", line)
            seen.login = login and login[1]
            if seen.auths and login:
                seen.auths[-1][2] = "235"
        elif "rejected" in line or "TLS error" in line:
            seen.refused = line.partition(" ")[2][9:]
        if tls := re.search(r" X=(TLS[\d.]+)", line):
            seen.tls = tls[1].replace("TLS", "TLSv")
    return seen


def at_dovecot(text, subject, behind):
    """Dovecot's log with `auth_debug`, and that of the Postfix behind it."""
    seen = Attempt()
    for line in text.splitlines():
        if said := re.search(r"client in: AUTH\t\d+\t([\w-]+)\t(.*)", line):
            seen.auths.append([said[1].upper(), "resp=" in said[2], None])
        elif re.search(r"client passdb out: FAIL", line) and seen.auths:
            seen.auths[-1][2] = "535"
        elif (said := re.search(r"submission-login: Info: Login: user=<([^>]*)>.*tls=<(TLSv[\d.]+)", line)) and seen.auths:
            seen.auths[-1][2] = "235"
            seen.tls = said[2]
            seen.login = said[1]
        elif said := re.search(r"submission-login: Info: (Disconnected.*)", line):
            seen.refused = said[1]
            if tls := re.search(r"tls=<(TLSv[\d.]+)", line):
                seen.tls = tls[1]
    seen.arrived = f"info: header Subject: {subject} " in behind
    if not seen.arrived:
        seen.login = None
    return seen
