"""One meeting of a program with a host, before it takes place."""

from dataclasses import dataclass

PORTS = {"starttls": 26, "implicit": 465}

# Where implicit TLS could differ from STARTTLS, and where a program that insists on CRAM-MD5 could differ from one that chooses.
TLS_HOSTS = ("postfix", "tls12", "tls13", "plain", "login", "exim", "exim-tls12", "exim-tls13", "tls10-hidden")
CRAM_HOSTS = ("postfix", "login", "cram-hashed", "cram", "cram-only", "no-auth-open")


@dataclass(frozen=True)
class Variant:
    """How the user has set the program up: the mechanism, by the word of $WILL_SEND, and the encryption."""

    auth: str
    mode: str = "starttls"
    hosts: tuple = ()  # only these, where the others would say nothing new

    def meets(self, host):
        return PORTS[self.mode] in host.ports and (not self.hosts or host.key in self.hosts)

    @property
    def name(self):
        return self.auth if self.mode == "starttls" else f"{self.auth} {PORTS[self.mode]}"


@dataclass(frozen=True)
class Cell:
    """A variant and a host."""

    variant: Variant
    host: object

    @property
    def port(self):
        return PORTS[self.variant.mode]
