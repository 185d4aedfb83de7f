"""described.py [--write]: the fault table as the page about the fault matrix has it; with --write it is put there.
tests/suite/house.rs holds the page against the table."""

import sys
from pathlib import Path

from row import ROWS

PAGE = Path(__file__).resolve().parents[2] / "docs/fault-matrix.md"
BEGIN, END = "<!-- begin: tests/faults/described.py --write -->", "<!-- end -->"
ORIGINS = {
    "own": "## Rows beside which the rules were written",
    "server": "## Rows of real servers",
    "report": "## Rows of public reports",
}
NOT_BUILT = "## Rows that only the tests in Rust have"


def described():
    """The tables."""
    for origin, title in ORIGINS.items():
        yield from table(title, [row for row in ROWS if row.origin == origin and not row.no_lab])
    yield from table(NOT_BUILT, [row for row in ROWS if row.no_lab])


def table(title, rows):
    """One of them."""
    yield title
    yield ""
    yield f"{len(rows)} rows." if len(rows) != 1 else "1 row."
    yield ""
    yield "| row | situation | expected | what is done |"
    yield "|---|---|---|---|"
    for row in rows:
        done = f"moved to {row.to}" if row.to else "nothing is changed"
        if row.reasons:
            done += f" (`{row.reasons[0]}`)"
        said = " or ".join(f"`{verdict}`" for verdict in row.verdicts)
        yield f"| {row.id} | {row.title} | {said} | {done} |"
    yield ""


def put_into(page):
    """The page with the tables in their place, or at its end."""
    if BEGIN not in page:
        page = f"{page.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, rest = page.split(BEGIN)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n" + "\n".join(described()) + f"\n{END}{after}"


def main():
    if "--write" in sys.argv:
        PAGE.write_text(put_into(PAGE.read_text()))
    else:
        print("\n".join(described()))


if __name__ == "__main__":
    main()
