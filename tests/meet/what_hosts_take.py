"""what_hosts_take.py: inside namespaces of its own, asks every host on port 26 what it is held to be: the versions of TLS that it
takes, the logins that it announces before and inside TLS, and what it answers to a LOGIN that brings the user along."""

import base64
import socket
import ssl
import warnings

import place
from hosts import HOSTS
from lab.invented import PASSWORD, USER
from meet import start

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(version):
    """TLS of this version, as weak as it takes."""
    made = ssl.create_default_context(cafile=place.TLS / "ca.pem")
    made.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is asked for
        made.minimum_version = made.maximum_version = VERSIONS[version]
    return made


class Asking:
    """A connection on which lines are said and answers read."""

    def __init__(self, host):
        self.host = host
        self._socket = socket.create_connection((host.address, 26), timeout=10)
        self._lines = self._socket.makefile("r", encoding="ascii")
        self._answer()

    def _answer(self):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            lines.append(self._lines.readline().rstrip())
            if not lines[-1]:
                raise OSError("the host has hung up")
        return lines

    def say(self, line):
        """The lines of the answer."""
        self._socket.sendall(f"{line}\r\n".encode())
        return self._answer()

    def logins(self):
        """What EHLO announces."""
        return next((line[4:].split()[1:] for line in self.say("EHLO client.home.test") if line[4:].startswith("AUTH ")), [])

    def starttls(self, version):
        """Goes on inside TLS of this version, if the host does."""
        self.say("STARTTLS")
        self._socket = context(version).wrap_socket(self._socket, server_hostname=self.host.name)
        self._lines = self._socket.makefile("r", encoding="ascii")

    def log_in_at_once(self):
        """LOGIN with an initial response, the user: the codes of the answers."""
        user, password = (base64.b64encode(word.encode()).decode() for word in (USER, PASSWORD))
        codes = [self.say(f"AUTH LOGIN {user}")[-1][:3]]
        if codes[-1] == "334":
            codes.append(self.say(password)[-1][:3])
        return codes

    def close(self):
        """Without a word."""
        self._socket.close()


def taken(host):
    """The versions of TLS that the host takes."""
    found = []
    for version in VERSIONS:
        asking = Asking(host)
        asking.logins()
        try:
            asking.starttls(version)
            found.append(version)
        except OSError:
            pass
        asking.close()
    return found


def main():
    place.network()
    place.trust()
    start(HOSTS.values())
    wrong = []
    print(f"{'host':18}{'TLS':18}{'AUTH in the clear':20}{'AUTH LOGIN <user>':20}AUTH inside TLS")
    for host in HOSTS.values():
        versions = taken(host)
        asking = Asking(host)
        clear = asking.logins()
        asking.starttls(versions[-1])
        inside = asking.logins()
        codes = asking.log_in_at_once() if "LOGIN" in inside else []
        asking.close()
        print(f"{host.key:18}{' '.join(versions):18}{' '.join(clear) or '-':20}{' '.join(codes) or '-':20}{' '.join(inside) or '-'}")
        if host.only and versions != [host.only]:
            wrong.append(f"{host.key} is to have TLS {host.only} only")
        if bool(clear) != host.in_the_clear or (clear and clear != inside):
            wrong.append(f"{host.key} announces {clear} in the clear, {inside} inside TLS")
        if codes and codes != ["334", "235"]:
            wrong.append(f"{host.key} does not take LOGIN with the user in one line")
    print("\n".join(wrong or ["all met"]))


if __name__ == "__main__":
    main()
