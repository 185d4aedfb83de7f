"""A row of the fault table: what is built, and what port26 must make of it."""

from dataclasses import dataclass


@dataclass
class Row:
    """One situation."""

    name: str  # number in the fault table, and a letter or a server where there are several ways to it
    what: str
    build: object
    verdicts: tuple  # the right verdict; behind it those that are tolerated
    to: int | None  # the port an account must be moved to; None: nothing may change
    origin: str  # own: the rules were written beside it; server: a real server's set-up; report: as the public reports it
    reasons: tuple  # what `reason.code` must be after `fix`, one of these; none: anything
    says: str  # a regular expression that summary, evidence or message must match
    most_connections: int  # of one run to the host
    filters: tuple  # of fail2ban, counted over the server's log


ROWS = []


def row(name, what, *verdicts, to=None, origin="own", reasons=(), says="", most_connections=99, filters=()):
    """Adds a row; the function builds it."""

    def add(build):
        ROWS.append(Row(name, what, build, verdicts, to, origin, reasons, says, most_connections, filters))
        return build

    return add


def login(world, port=587, tls=2):
    """The account logs in on this port: 2 is STARTTLS, 3 is implicit TLS."""
    world.account = {"port": port, "tls": tls, "auth": 3}


def after_a_good_run(world, *rules):
    """The first run is as it should be, then these rules hold."""

    def first(world):
        told, _ = world.port26("test", "--credential-stdin")
        assert told["verdict"]["code"] == "ok", told
        for rule in rules:
            world.rule(rule)
        world.apply()

    world.before = first
