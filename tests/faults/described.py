"""described.py [--write]: the rows of real servers and of public reports, as the page about the fault matrix has them; with
--write they are put into it. tests/house.rs holds the page against the rows."""

import sys
from pathlib import Path

import rows

PAGE = Path(__file__).resolve().parents[2] / "docs/fault-matrix.md"
BEGIN, END = "<!-- begin: tests/faults/described.py --write -->", "<!-- end -->"
ORIGINS = {"server": "## Rows of real servers", "report": "## Rows of public reports"}


def described():
    """The tables."""
    for origin, title in ORIGINS.items():
        mine = [row for row in rows.ROWS if row.origin == origin]
        yield title
        yield ""
        yield f"{len(mine)} rows."
        yield ""
        yield "| row | situation | expected | what is done |"
        yield "|---|---|---|---|"
        for row in mine:
            done = f"moved to {row.to}" if row.to else "nothing is changed"
            if row.reasons:
                done += f" (`{row.reasons[0]}`)"
            said = " or ".join(f"`{verdict}`" for verdict in row.verdicts)
            yield f"| {row.name} | {row.what} | {said} | {done} |"
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
