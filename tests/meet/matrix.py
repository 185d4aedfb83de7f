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


# A host with nothing newer than TLS 1.0: port26 does not speak that and leads nobody there, so that it knows no login of it.
OLDER_THAN_PORT26 = "tls10"


def unknown(cell):
    """Nothing was promised of a host that port26 itself cannot talk to."""
    told = cell["predicted"]
    return told is not None and told.get("will_send") is None and cell["host"] == OLDER_THAN_PORT26


def right(cell):
    """A message that goes out without a login is none that was promised."""
    told = cell["predicted"]
    return told is None or unknown(cell) or told.get("will_send") is (cell["seen"] == "sent")


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
    predicted = sum(1 for cell in cells if cell["predicted"] is not None)
    open_ones = sum(map(unknown, cells))
    print(f"pairs: {len(cells)}, predicted: {predicted - open_ones}, not as predicted: {len(wrong)}, not known: {open_ones}")
    if out := os.environ.get("MEET_OUT"):
        Path(out).write_text(json.dumps({"cells": cells}, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
