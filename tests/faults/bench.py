"""bench.py: the scoreboard. Each row once, then repeated with packets lost, then the peers; as a page in Markdown.
Called by scripts/bench-faults."""

import argparse
import concurrent.futures
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

import rows
from faults import in_namespaces, namespaces_possible
from lab import certificates
from peers import PEERS

SLOW = ("19", "19b", "19c")


def macro_f1(pairs):
    """F1 of each expected verdict, averaged: what is right and never said counts as much as what is said wrongly."""
    scores = []
    for code in sorted({expected for expected, _ in pairs}):
        hit = sum(1 for expected, got in pairs if expected == got == code)
        said = sum(1 for _, got in pairs if got == code)
        meant = sum(1 for expected, _ in pairs if expected == code)
        scores.append(2 * hit / (said + meant))
    return statistics.mean(scores) if scores else 0.0


def percentile(values, part):
    """The value below which that part lies."""
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))]


def all_rows(names, folder, *flags, at_once=2, limit=900):
    """Those rows with these flags, in their order."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda name: in_namespaces(name, folder, *flags, limit=limit), names))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--repeat", type=int, default=20, help="how often each row is tested at each loss")
    arguments.add_argument("--loss", default="0,1,5", help="lost packets in a hundred, each way")
    arguments.add_argument("--peers", default=",".join(PEERS))
    arguments.add_argument("--output", help="write the page there")
    arguments.add_argument("rows", nargs="*")
    asked = arguments.parse_args()
    if not namespaces_possible():
        sys.exit("bench-faults needs root and network namespaces")
    names = asked.rows or [row.name for row in rows.ROWS]
    what = {row.name: row for row in rows.ROWS}
    peers = [peer for peer in asked.peers.split(",") if peer and (peer != "swaks" or shutil.which("swaks"))]
    losses = [int(loss) for loss in asked.loss.split(",") if loss] if asked.repeat else []
    with tempfile.TemporaryDirectory(prefix="port26-certificates.") as folder:
        os.chmod(folder, 0o755)
        certificates.make(Path(folder))
        once = all_rows(names, folder)
        # repeats of what costs half a minute by nature tell nothing new
        quick = [name for name in names if name not in SLOW]
        repeated = {
            loss: all_rows(quick, folder, "--repeat", str(asked.repeat), "--loss", str(loss * 10), limit=3600) for loss in losses
        }
        others = {peer: all_rows(names, folder, "--peer", peer) for peer in peers}
    page = "\n".join(lines(what, once, repeated, others, asked.repeat)) + "\n"
    print(page)
    if asked.output:
        Path(asked.output).write_text(page)


def lines(what, once, repeated, others, repeat):
    """The page."""
    ran = [told for told in once if "verdict" in told]
    broken = [told["row"] for told in once if "verdict" not in told]
    pairs = [(told["expected"], told["verdict"]) for told in ran]
    columns = ["port26", *others]
    by_row = {peer: {told["row"]: told for told in all_told if "verdict" in told} for peer, all_told in others.items()}
    yield "# The fault matrix, measured"
    yield ""
    yield f"{len(ran)} situations, each built for real in network namespaces (`tests/faults`): {platform.system()} {platform.release()}, {os.cpu_count()} cores, two rows at a time."
    if broken:
        yield f"Not measured here: {', '.join(broken)}."
    yield ""
    yield "    cargo build --release"
    yield "    PORT26=target/release/port26 scripts/bench-faults --output docs/fault-matrix.md"
    yield ""
    yield "## Score"
    yield ""
    yield "| | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    mine = {told["row"]: told for told in ran}
    scores = [macro_f1(pairs)] + [macro_f1([(mine[row]["expected"], told["verdict"]) for row, told in by_row[peer].items() if row in mine]) for peer in others]
    yield "| macro-F1 over the expected verdicts | " + " | ".join(f"{score:.3f}" for score in scores) + " |"
    yield f"| rows right | {sum(1 for expected, got in pairs if expected == got)} of {len(pairs)} | " + " | ".join(
        f"{sum(1 for row, told in by_row[peer].items() if row in mine and told['verdict'] == mine[row]['expected'])} of {len(by_row[peer])}" for peer in others
    ) + (" |" if others else "")
    yield f"| harmful changes (a change in a row without one) | {sum(told['harmful'] for told in ran)} |" + " changes nothing |" * len(others)
    yield f"| rows with a password in the clear | {sum(1 for told in ran if told['in_clear'])} | " + " | ".join(
        str(sum(1 for told in by_row[peer].values() if told["in_clear"])) for peer in others
    ) + (" |" if others else "")
    yield f"| most AUTH in one run | {max((told['auths'] for told in ran), default=0)} |" + " |" * len(others)
    abstained = sum(1 for expected, got in pairs if got == "uncertain" != expected)
    yield f"| abstentions (`uncertain` where there is a verdict) | {abstained} |" + " |" * len(others)
    spent = [[told["seconds"] for told in ran]] + [[told["seconds"] for told in by_row[peer].values()] for peer in others]
    yield "| seconds a row, p50 / p95 | " + " | ".join(f"{percentile(one, 0.5):.1f} / {percentile(one, 0.95):.1f}" if one else "" for one in spent) + " |"
    yield ""
    yield "port26's time is that of `test` with a password: all ports, the comparison and the login. The peers try the account's present settings only. "
    yield "They give messages, not verdicts; a message counts as the likeliest verdict it can stand for (`tests/faults/peers.py`), so a refused connection "
    yield "counts as *server_port_closed* and a time-out as *port_blocked_network*, in their favour."
    yield ""
    yield "## Rows"
    yield ""
    yield "| row | situation | expected | " + " | ".join(f"{column} | s" for column in columns) + " |"
    yield "|---" * (3 + 2 * len(columns)) + "|"
    for told in ran:
        cells = [told["row"], told["what"], f"`{told['expected']}`" + (f", to {told['to']}" if told["to"] else "")]
        for one in [told] + [by_row[peer].get(told["row"]) for peer in others]:
            right = one and one["verdict"] == told["expected"]
            cells += [("" if right else "**") + one["verdict"] + ("" if right else "**"), f"{one['seconds']:.1f}"] if one else ["", ""]
        yield "| " + " | ".join(cells) + " |"
    if repeated:
        yield ""
        yield f"## Stability: {repeat} times each row, packets lost each way"
        yield ""
        yield "| lost | runs | right | `uncertain` | other | harmful | passwords in the clear | s, p50 / p95 |"
        yield "|---|---|---|---|---|---|---|---|"
        strange = Counter()
        for loss, all_told in repeated.items():
            usable = [told for told in all_told if told.get("verdicts")]
            runs = [(told, code) for told in usable for code in told["verdicts"]]
            right = sum(1 for told, code in runs if code == told["expected"])
            unsure = sum(1 for told, code in runs if code == "uncertain" != told["expected"])
            for told, code in runs:
                if code not in (told["expected"], "uncertain"):
                    strange[f"{told['row']} at {loss} %: `{code}`, not `{told['expected']}`"] += 1
            times = [second for told in usable for second in told["times"]]
            spent = f"{percentile(times, 0.5):.1f} / {percentile(times, 0.95):.1f}" if times else ""
            yield f"| {loss} % | {len(runs)} | {right} | {unsure} | {len(runs) - right - unsure} | {sum(told['harmful'] for told in usable)} | {sum(told['in_clear'] for told in usable)} | {spent} |"
        if strange:
            yield ""
            yield "Neither right nor `uncertain`:"
            yield ""
            for text, count in strange.most_common():
                yield f"- row {text} ({count} times)"


if __name__ == "__main__":
    main()
