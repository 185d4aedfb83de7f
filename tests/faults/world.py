"""One row's world, inside namespaces of its own: the computer with the mail client on one side of a cable, the network
with every server on the other; what stands between is nftables in the kernel."""

import base64
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from lab import etc, port26, rules
from lab.invented import DOMAIN, HOST, OTHER, PASSWORD, USER
from lab.names import Names
from lab.programs import sh
from scripted import Host, Smtp, Web
from servers import courier, exim, gateways, haraka, node, opensmtpd, postfix, sendmail, submission

HOST_4, HOST_6 = "198.51.100.25", "2001:db8:51::25"
OTHER_4 = "203.0.113.25"
PAGE, PAGE_4 = "check.friend.test", "203.0.113.80"
FILTER, FILTER_4 = "filter.cleaning.test", "203.0.113.99"
RELAY, RELAY_4 = "relay.isp.test", "192.0.2.66"
PORTAL_4, PROXY_4, NAMES_4, NOBODY_4 = "192.0.2.80", "192.0.2.77", "192.0.2.53", "192.0.2.99"
CLIENT_4, VPN_4 = "192.0.2.2", "10.9.0.1"

WEAK_TLS = """openssl_conf = default_conf
[default_conf]
ssl_conf = ssl_sect
[ssl_sect]
system_default = system_default_sect
[system_default_sect]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=0
"""


def account_prefs(number, host, address, account):
    """Thunderbird's settings of one account."""
    return f'''user_pref("mail.account.account{number}.identities", "id{number}");
user_pref("mail.account.account{number}.server", "server{number}");
user_pref("mail.identity.id{number}.smtpServer", "smtp{number}");
user_pref("mail.identity.id{number}.useremail", "{address}");
user_pref("mail.identity.id{number}.valid", true);
user_pref("mail.server.server{number}.hostname", "{host}");
user_pref("mail.server.server{number}.type", "imap");
user_pref("mail.server.server{number}.userName", "{address}");
user_pref("mail.smtpserver.smtp{number}.authMethod", {account["auth"]});
user_pref("mail.smtpserver.smtp{number}.hostname", "{host}");
user_pref("mail.smtpserver.smtp{number}.port", {account["port"]});
user_pref("mail.smtpserver.smtp{number}.try_ssl", {account["tls"]});
'''


class World:
    """What a row builds on."""

    def __init__(self, folder, certificates):
        self.folder, self.certificates = Path(folder), Path(certificates)
        self.hosts, self.sasl = [], None
        self.account = {"port": 25, "tls": 0, "auth": 1}
        self.beside = {}  # accounts of other hosts, without a login on their port 25: the verdict on each
        self.users, self.password = [USER], PASSWORD
        self.policy = {"control_hosts": [f"{OTHER}:25"]}
        self.rules, self.natted, self.sets, self.inside_rules = [], [], [], []
        self.clear = []
        self.connections = set()  # with the host, by both ports
        self.log = None  # of the host's real server
        self.before = None  # what happens before the first run, given the world
        self.client = subprocess.Popen(["unshare", "--net", "sleep", "1000"], stdin=subprocess.DEVNULL)
        self._cable()
        self.names = Names(NAMES_4)
        self.names.records = {
            HOST: {"a": [HOST_4]},
            DOMAIN: {"a": [HOST_4], "mx": [HOST]},
            OTHER: {"a": [OTHER_4]},
            PAGE: {"a": [PAGE_4]},
            RELAY: {"a": [RELAY_4]},
            FILTER: {"a": [FILTER_4]},
        }
        threading.Thread(target=self._listen, daemon=True).start()

    def _cable(self):
        pid = self.client.pid
        sh("ip", "link", "set", "lo", "up")
        while Path(f"/proc/{pid}/ns/net").stat().st_ino == Path("/proc/self/ns/net").stat().st_ino:
            time.sleep(0.01)
        sh("ip", "link", "add", "cable", "type", "veth", "peer", "name", "eth0", "netns", pid)
        for address in ("192.0.2.1/24", f"{RELAY_4}/24", f"{PORTAL_4}/24", f"{PROXY_4}/24", f"{NAMES_4}/24"):
            sh("ip", "addr", "add", address, "dev", "cable")
        for address in (HOST_4, OTHER_4, PAGE_4, FILTER_4):
            sh("ip", "addr", "add", f"{address}/32", "dev", "lo")
        sh("ip", "-6", "addr", "add", f"{HOST_6}/128", "dev", "lo", "nodad")
        sh("ip", "-6", "addr", "add", "2001:db8:2::1/64", "dev", "cable", "nodad")
        sh("ip", "link", "set", "cable", "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "addr", "add", f"{CLIENT_4}/24", "dev", "eth0")
        self.inside("ip", "-6", "addr", "add", "2001:db8:2::2/64", "dev", "eth0", "nodad")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("ip", "route", "add", "default", "via", "192.0.2.1")
        self.inside("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")
        etc.names_of(self.folder, NAMES_4, "search isp.test")

    def resolv(self, first=""):
        """What the network says about names: its server, and its suffix."""
        etc.resolver(self.folder, NAMES_4, first)

    @property
    def at_client(self):
        """What leads to the computer with the mail client."""
        return ("nsenter", "-t", str(self.client.pid), "-n")

    def inside(self, *command, **more):
        """Runs a command there."""
        return sh(*self.at_client, *command, **more)

    def _listen(self):
        """Keeps what the computer sends before TLS or outside it, packet by packet, whoever receives it."""
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        wire.bind(("cable", 0))
        while True:
            packet, (_, _, kind, _, _) = wire.recvfrom(65535)
            if kind != socket.PACKET_OUTGOING:
                self.clear.append(packet)
            elif packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_TCP and packet[12:16] == socket.inet_aton(HOST_4):
                segment = packet[(packet[0] & 15) * 4 :]
                if segment[13] & 0x12 == 0x12:  # SYN and ACK: it has picked up
                    self.connections.add(segment[:4])

    # servers

    def smtp(self, port, addresses=(HOST_4,), **script):
        """A scripted port of the host."""
        host = Host(self.certificates, addresses, port, Smtp(**script))
        self.hosts.append(host)
        return host

    def mail_host(self, ports=(25, 26, 465, 587), addresses=(HOST_4,), **script):
        """A scripted mail host whose ports are all alike, except that 465 speaks TLS at once."""
        for port in ports:
            self.smtp(port, addresses, **(script | {"implicit": port == 465}))

    def postfix(self, **more):
        """A real mail host, by Postfix."""
        self.sasl = postfix.host(self.folder, self.certificates, HOST_4, HOST, USER, PASSWORD, **more)
        self.log = self.folder / "postfix/log"

    def exim(self, **more):
        """The same by Exim."""
        exim.host(self.folder, self.certificates, HOST_4, HOST, USER, PASSWORD, **more)
        self.log = self.folder / "exim/mainlog"

    def opensmtpd(self):
        """The same by OpenSMTPD, with port 25 only."""
        opensmtpd.host(self.folder, HOST_4, HOST)

    def courier(self):
        """The same by Courier."""
        courier.host(self.folder, self.certificates, HOST_4, HOST, USER, PASSWORD)

    def sendmail(self, **more):
        """The same by Sendmail."""
        sendmail.host(self.folder, self.certificates, HOST_4, HOST, USER, PASSWORD, **more)

    def node(self):
        """The same by nodemailer's smtp-server."""
        node.host(self.folder, self.certificates, HOST_4, HOST, USER, PASSWORD)

    def haraka(self):
        """The same by Haraka."""
        haraka.host(self.folder, self.certificates, HOST_4, HOST, USER, PASSWORD)

    def dovecot(self, **more):
        """Dovecot's submission service on ports 26 and 587."""
        self.smtp(2526, ("127.0.0.1",), certificate=None, tls_auth=None)  # what Dovecot sends on to
        submission.host(self.folder, self.certificates, HOST_4, HOST, USER, PASSWORD, **more)

    def weak_tls(self):
        """The servers take what OpenSSL refuses today: short keys, SHA-1, TLS 1.0."""
        etc.own(self.folder, "openssl.cnf", WEAK_TLS, "/etc/ssl")

    def nginx(self, logins, **more):
        """nginx's mail proxy on the host's port 25, under the name of a filter."""
        gateways.nginx(self.folder, self.certificates, HOST_4, FILTER, logins, **more)

    def haproxy(self, behind):
        """The host's port 25 is the machine with this address."""
        gateways.haproxy(self.folder, HOST_4, behind)

    def other(self, certificate=None):
        """An unrelated host with an open port 25; without TLS, unless it has a certificate."""
        self.smtp(25, (OTHER_4,), name=OTHER, certificate=certificate, tls_auth=None)

    def relay(self):
        """The provider's own server."""
        self.smtp(25, (RELAY_4,), name=RELAY, certificate=None, tls_auth=None)

    def page(self, **more):
        """The page that the policy names as a control."""
        self.policy["captive_check_url"] = f"http://{PAGE}/generate_204"
        Web((PAGE_4,), **more)

    def shut_host(self, name, address, how="drop"):
        """Another host with an account, of which nothing answers."""
        sh("ip", "addr", "add", f"{address}/32", "dev", "lo")
        self.names.records[name] = {"a": [address]}
        self.beside[name] = "server_unreachable"
        self.rule(f"ip daddr {address} " + {"drop": "drop", "reset": "tcp flags syn reject with tcp reset"}[how])

    # the network between

    def block(self, *ports, how="drop", to=None):
        """The network keeps connections to these ports from getting through, to everybody or to one address."""
        verdict = {
            "drop": "drop",
            "reset": "reject with tcp reset",
            "prohibited": "reject with icmpx type admin-prohibited",
        }[how]
        dest = f"{'ip6' if to and ':' in to else 'ip'} daddr {to} " if to else ""
        self.rules.append(f"{dest}tcp dport {{ {', '.join(map(str, ports))} }} {verdict}")

    def rule(self, text):
        """Any rule for what comes in from the computer."""
        self.rules.append(text)

    def inside_rule(self, text):
        """A rule of the computer's own for what comes in to it."""
        self.inside_rules.append(text)

    def redirect(self, match, to):
        """Connections that match end at another address."""
        self.natted.append(f"{match} dnat ip to {to}")

    def apply(self, loss=0):
        """Lays the rules down, afresh; `loss` is lost packets in a thousand, each way."""
        lost = [f"numgen random mod 1000 < {loss} drop"] if loss else []
        cable = 'iifname { "cable", "tun0" }'
        nat = "\n".join(f"  {cable} {rule}" for rule in self.natted)
        rules.lay_down("\n".join([
            *(f" set {text}" for text in self.sets),
            f" chain nat {{\n  type nat hook prerouting priority -100\n{nat}\n }}",
            rules.incoming(*(f"{cable} {rule}" for rule in lost + self.rules)),
        ]))
        rules.lay_down(rules.incoming(*(f"iifname eth0 {rule}" for rule in lost + self.inside_rules)), self.at_client)

    def vpn(self):
        """All packets leave through a tunnel: the same cable, but what the computer sees is a tun interface."""
        program = Path(__file__).with_name("tunnel.py")
        self.tunnels = []
        listener = subprocess.Popen(["python3", "-B", program, "listen"], stdin=subprocess.DEVNULL)
        dialler = subprocess.Popen([*self.at_client, "python3", "-B", program, "dial"], stdin=subprocess.DEVNULL)
        self.tunnels += [listener, dialler]
        for _ in range(100):
            there = subprocess.run(["ip", "link", "show", "tun0"], capture_output=True, check=False).returncode == 0
            here = subprocess.run([*self.at_client, "ip", "link", "show", "tun0"], capture_output=True, check=False)
            if there and here.returncode == 0:
                break
            time.sleep(0.05)
        sh("ip", "addr", "add", f"{VPN_4}/24", "dev", "tun0")
        sh("ip", "link", "set", "tun0", "up")
        self.inside("ip", "addr", "add", "10.9.0.2/24", "dev", "tun0")
        self.inside("ip", "link", "set", "tun0", "up")
        self.inside("ip", "route", "replace", "default", "via", VPN_4)

    # the program under test

    def home(self):
        """A Thunderbird profile with one account, and those of other hosts."""
        home = self.folder / "home"
        profile = home / ".thunderbird/one.default"
        profile.mkdir(parents=True)
        (home / ".thunderbird/profiles.ini").write_text(
            "[Profile0]\nName=default\nIsRelative=1\nPath=one.default\nDefault=1\n\n[General]\nStartWithLastProfile=1\nVersion=2\n"
        )
        account, user = self.account, ""
        bare = {"port": 25, "tls": 0, "auth": 1}
        others = "".join(account_prefs(number, name, f"jan@{name}", bare) for number, name in enumerate(self.beside, 2))
        if account["auth"] == 3:
            user = f'user_pref("mail.smtpserver.smtp1.username", "{USER}");\n'
        (profile / "prefs.js").write_text(f'''// Mozilla User Preferences

user_pref("mail.accountmanager.accounts", "{self._listed("account")}");
user_pref("mail.smtp.defaultserver", "smtp1");
user_pref("mail.smtpservers", "{self._listed("smtp")}");
{account_prefs(1, HOST, USER, account)}{user}{others}''')
        return home

    def _listed(self, what):
        return ",".join(f"{what}{number}" for number in range(1, len(self.beside) + 2))

    def port26(self, verb, *flags):
        """Runs a verb as a script does. Returns the first account's entry and how long it took."""
        document, seconds = self.document(verb, *flags)
        accounts = document.get("accounts", [])
        self.verdicts = {(one.get("outgoing") or {}).get("host"): (one.get("verdict") or {}).get("code") for one in accounts}
        return (accounts[0] if accounts else document), seconds

    def document(self, verb, *flags):
        """The same with the whole document."""
        policy = self.folder / "policy.toml"
        policy.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in self.policy.items()))
        # /sys tells of the interfaces of whoever mounted it, so it is mounted anew
        through = (*self.at_client, "unshare", "--mount", "sh", "-c", 'mount -t sysfs sysfs /sys && exec "$@"', "sh")
        # Each for the host of its own domain: several lines must say whose server they are for.
        lines = (f"{user}@@{user.split('@')[-1]}:{self.password}\n" if "@" in user else f"{user}:{self.password}\n" for user in self.users)
        # The invented security program's root lies in this computer's own store, and nothing else does.
        environment = dict(os.environ, SSL_CERT_FILE=str(self.certificates / "shield.pem"))
        environment.pop("SSL_CERT_DIR", None)
        told = port26.call(
            verb, "--policy", policy, "--ca", self.certificates / "ca.pem", *flags, home=self.folder / "home", state=self.folder / "state",
            given="".join(lines) if "--credential-stdin" in flags else "", through=through, environment=environment,
        )
        if told.document is None:
            raise RuntimeError(f"port26 {verb} ended with {told.code}: {told.text}")
        return told.document, told.seconds

    def auths(self):
        """AUTH commands that scripted servers, Postfix and Exim have seen so far; the others do not count them."""
        log = self.folder / "exim/mainlog"
        at_exim = log.read_text(errors="replace").count(exim.AUTH_SEEN) if log.exists() else 0
        return sum(host.auths() for host in self.hosts) + (self.sasl.attempts if self.sasl else 0) + at_exim

    def passwords_in_clear(self):
        """Packets that hold the password as it is or as SMTP encodes it."""
        time.sleep(0.05)
        secret = self.password.encode()
        plain = base64.b64encode(f"\0{USER}\0{self.password}".encode())
        needles = (secret, base64.b64encode(secret).rstrip(b"="), plain.rstrip(b"="))
        return sum(1 for packet in self.clear if any(needle in packet for needle in needles))
