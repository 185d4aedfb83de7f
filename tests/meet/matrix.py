"""matrix.py LINES..: prints who sends through whom, what was not predicted, and writes all of it to $MEET_OUT."""

import json
import os
import sys
from pathlib import Path

SHORT = {"not sent": "-", "sent without a login": "no login"}


def mechanism(cell):
    """What stands in the matrix: the mechanism that the message was sent with."""
    if cell["seen"] != "sent":
        return SHORT[cell["seen"]]
    return next((name for name, _, answer in reversed(cell["auths"]) if answer == "235"), "sent")


# The one host of which "not known" is the right answer: TLS 1.0 only, which port26 does not speak, and no login announced before it.
HIDDEN = "tls10-hidden"


def unknown(cell):
    """Can it not be known beforehand whether the program sends with a login? Where it does not even get into TLS, it can."""
    return cell["host"] == HIDDEN and cell["tls"] is not None


def right(cell):
    """A message that goes out without a login is none that was promised; and nothing is promised where nothing can be known."""
    told = cell["predicted"]
    if told is None:
        return True
    wanted = None if unknown(cell) else cell["seen"] == "sent"
    return "will_send" in told and told["will_send"] is wanted


def known(cell):
    """Was it said whether the program sends with a login?"""
    return (cell["predicted"] or {}).get("will_send") is not None


def main(files):
    cells = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
    if not cells:
        print("nobody has met anybody")
        return 1
    hosts = list(dict.fromkeys(cell["host"] for cell in cells))
    rows = list(dict.fromkeys((cell["program"], cell["variant"]) for cell in cells))
    first = max(len(" ".join(row)) for row in rows) + 2
    wide = max(len(key) for key in hosts) + 2
    print(" " * first + "".join(key.ljust(wide) for key in hosts))
    for row in rows:
        shown = {cell["host"]: mechanism(cell) + ("" if right(cell) else " !") for cell in cells if (cell["program"], cell["variant"]) == row}
        print(" ".join(row).ljust(first) + "".join(shown.get(key, "").ljust(wide) for key in hosts))
    wrong = [cell for cell in cells if not right(cell)]
    for cell in wrong:
        told = cell["predicted"]
        print(f"NOT AS PREDICTED: {cell['program']} {cell['variant']} {cell['host']}: {cell['seen']}, predicted {told.get('will_send')}: {told.get('why')}")
    at_hidden = [cell for cell in cells if cell["host"] == HIDDEN]
    print(
        f"pairs: {len(cells)}, predicted: {sum(map(known, cells))}, not as predicted: {len(wrong)}; of these at {HIDDEN}: "
        f"{len(at_hidden)}, predicted: {sum(map(known, at_hidden))}"
    )
    if out := os.environ.get("MEET_OUT"):
        Path(out).write_text(json.dumps({"cells": cells}, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
