"""bench.py: the scoreboard. Each row once, then repeated with packets lost, then the peers. Called by scripts/bench-faults;
`scoreboard.py` makes a page of it."""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

import certificates
import described
import rows
import scoreboard
from faults import in_namespaces, namespaces_possible
from peers import PEERS

# Repeats that share one world. Small enough that a row which takes half a minute a time is spread over several.
SHARE = 10

Unit = namedtuple("Unit", "row kind number flags")


class Results:
    """What every unit of work told, kept in a file as it comes, so that a long run can be gone on with."""

    def __init__(self, path, again):
        self.path, self.told, self._lock = path, {}, threading.Lock()
        if path and path.exists():
            for line in path.read_text().splitlines():
                one = json.loads(line)
                self.told[tuple(one["unit"])] = one
        for key in [key for key in self.told if key[0] in again]:
            del self.told[key]

    def add(self, unit, told):
        """Keeps what came of one unit."""
        one = {"unit": [unit.row, unit.kind, unit.number], "at": time.strftime("%Y-%m-%d %H:%M:%S"), **told}
        with self._lock:
            self.told[tuple(one["unit"])] = one
            if self.path:
                with self.path.open("a") as file:
                    file.write(json.dumps(one) + "\n")

    def of(self, kind):
        """All that was told of one kind, in the order of the rows."""
        order = {row.id: place for place, row in enumerate(rows.ROWS)}
        mine = [(key, one) for key, one in self.told.items() if key[1] == kind and key[0] in order]
        return [one for _, one in sorted(mine, key=lambda pair: (order[pair[0][0]], pair[0][2]))]


def units(names, repeat, losses, peers):
    """What there is to do; what takes long comes first, so that nothing waits for it at the end."""
    yield from (Unit(name, "once", 0, ()) for name in names)
    for loss in losses:
        for first in range(0, repeat, SHARE):
            flags = ("--repeat", str(min(SHARE, repeat - first)), "--loss", str(loss * 10))
            yield from (Unit(name, f"loss {loss}", first // SHARE, flags) for name in names)
    if repeat:
        flags = ("--repeat", str(min(SHARE, repeat)), "--known")
        yield from (Unit(name, "seen before", 0, flags) for name in names)
    for peer in peers:
        yield from (Unit(name, peer, 0, ("--peer", peer)) for name in names)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--repeat", type=int, default=20, help="how often each row is tested at each loss")
    arguments.add_argument("--loss", default="0,1,5", help="lost packets in a hundred, each way")
    arguments.add_argument("--peers", default=",".join(PEERS), help="who is asked about the same rows")
    arguments.add_argument("--at-once", type=int, default=2, help="rows at a time; each is a network of its own, and mostly waits")
    arguments.add_argument("--results", type=Path, help="keep every result in this file, and go on with what is there already")
    arguments.add_argument("--again", default="", help="rows whose results in that file are thrown away")
    arguments.add_argument("--output", type=Path, help="write the page there")
    arguments.add_argument("rows", nargs="*")
    asked = arguments.parse_args()
    if not namespaces_possible():
        sys.exit("bench-faults needs root and network namespaces")
    known = [row.id for row in rows.ROWS]
    strange = [name for name in asked.rows if name not in known]
    if strange:
        sys.exit(f"there is no row {', '.join(strange)}; there are: {' '.join(known)}")
    peers = []
    for peer in filter(None, asked.peers.split(",")):
        if peer not in PEERS:
            sys.exit(f"there is no peer {peer}; there are: {' '.join(PEERS)}")
        missing = PEERS[peer].missing()
        if missing:
            print(f"NOT RUN: {peer} (not installed: {missing})", file=sys.stderr)
        else:
            peers.append(peer)
    losses = [int(loss) for loss in asked.loss.split(",") if loss] if asked.repeat else []
    results = Results(asked.results, set(filter(None, asked.again.split(","))))
    todo = list(units(asked.rows or known, asked.repeat, losses, peers))
    todo = [unit for unit in todo if (unit.row, unit.kind, unit.number) not in results.told]
    slow = sorted(todo, key=lambda unit: not unit.row.startswith("19"))
    with tempfile.TemporaryDirectory(prefix="port26-certificates.") as folder:
        os.chmod(folder, 0o755)
        certificates.make(Path(folder))
        with concurrent.futures.ThreadPoolExecutor(asked.at_once) as pool:
            running = {pool.submit(in_namespaces, unit.row, folder, *unit.flags, limit=1800): unit for unit in slow}
            for done, future in enumerate(concurrent.futures.as_completed(running), 1):
                unit, told = running[future], future.result()
                results.add(unit, told)
                print(f"{done}/{len(slow)}  {scoreboard.in_short(unit, told)}", file=sys.stderr, flush=True)
    program = subprocess.run([os.environ["PORT26"], "--version"], capture_output=True, text=True, check=True).stdout.strip()
    page = "\n".join(scoreboard.page(results, program, losses, peers, asked.repeat)) + "\n"
    page = described.put_into(page)
    print(page)
    if asked.output:
        asked.output.write_text(page)


if __name__ == "__main__":
    main()
