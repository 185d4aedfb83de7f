"""A row of the fault table: what must come of it, as `table.toml` has it, and how it is built."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("table.toml")


@dataclass
class Row:
    """One situation; `table.toml` says what the fields mean. What only Rust's tests ask for is not kept."""

    id: str
    title: str
    verdict: str
    tolerated: tuple = ()
    to: int | None = None
    origin: str = "own"
    reasons: tuple = ()
    says: str = ""
    most_connections: int = 99
    filters: tuple = ()
    no_lab: str = ""
    like: str = ""
    no_twin: str = ""
    build: object = None

    @property
    def verdicts(self):
        """The right verdict; behind it those that are tolerated."""
        return (self.verdict, *self.tolerated)


def of_the_table():
    """All rows, in the order of the table."""
    with TABLE.open("rb") as file:
        rows = [Row(**fields) for fields in tomllib.load(file)["row"]]
    if len({row.id for row in rows}) != len(rows):
        raise ValueError(f"{TABLE} has two rows of one id")
    return rows


ROWS = of_the_table()
_BY_ID = {row.id: row for row in ROWS}


def row(id):
    """The function builds this row of the table."""

    def add(build):
        if _BY_ID[id].build or _BY_ID[id].no_lab:
            raise ValueError(f"row {id} is built twice, or not in the lab")
        _BY_ID[id].build = build
        return build

    return add


def all_built():
    """The rows that the lab builds; every other one must say why it does not."""
    missing = [row.id for row in ROWS if not row.build and not row.no_lab]
    if missing:
        raise ValueError(f"nobody builds {', '.join(missing)}")
    return [row for row in ROWS if row.build]


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
