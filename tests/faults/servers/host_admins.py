"""Port 26 as docs/host-admins.md says it is set up, word for word."""

import re
from pathlib import Path

DOC = Path(__file__).resolve().parents[3] / "docs" / "host-admins.md"


def from_doc(name):
    """The block of the page that is marked `<!-- lab: NAME -->`."""
    block = re.search(rf"<!-- lab: {re.escape(name)} -->\n```[a-z]*\n(.*?)```", DOC.read_text(), re.S)
    if not block:
        raise ValueError(f"{DOC} has no block {name}")
    return block[1]
