"""scoreboard.py: what bench.py has measured, as a page in Markdown."""

import os
import platform
import statistics
from collections import Counter


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


def in_short(unit, told):
    """One line for whoever waits."""
    what = told.get("verdict") or ", ".join(f"{code} {count}" for code, count in Counter(told.get("verdicts", ())).items())
    strange = [line for one in told.get("strange", ()) for line in ("", *one)]
    return f"{unit.kind:10} {unit.row:>4}  {what or told.get('not_run') or ''} {told.get('wrong') or ''}" + "\n      ".join(strange)


def page(results, program, losses, peers, repeat):
    """The page."""
    once = results.of("once")
    ran = [told for told in once if "verdict" in told]
    others = {peer: {told["row"]: told for told in results.of(peer) if "verdict" in told} for peer in peers}
    yield "# The fault matrix, measured"
    yield ""
    yield f"{len(ran)} situations, each built for real in network namespaces (`tests/faults`): {platform.system()} {platform.release()}, {os.cpu_count()} cores, {program}."
    missing = [told for told in once if "verdict" not in told]
    if missing:
        yield "Not measured here: " + ", ".join(f"{told['row']} ({told.get('not_run') or 'it broke'})" for told in missing) + "."
    yield ""
    yield from score(ran, others)
    yield from by_row(ran, others, {loss: shares(results, loss) for loss in losses})
    if losses:
        yield from stability({loss: shares(results, loss) for loss in losses}, repeat)


def score(ran, others):
    """The sums."""
    columns = ["port26", *others]
    mine = {told["row"]: told for told in ran}
    pairs = [(told["expected"], told["verdict"]) for told in ran]
    theirs = {peer: [(mine[row]["expected"], told["verdict"]) for row, told in told_by.items() if row in mine] for peer, told_by in others.items()}
    right = lambda some: f"{sum(1 for expected, got in some if expected == got)} of {len(some)}"
    unsure = lambda some: sum(1 for expected, got in some if got in ("uncertain", "none") and got != expected)
    table = [
        ["macro-F1 over the expected verdicts", f"{macro_f1(pairs):.3f}", *(f"{macro_f1(some):.3f}" for some in theirs.values())],
        ["rows right", right(pairs), *(right(some) for some in theirs.values())],
        ["abstentions: nothing said, or *uncertain* where there is a verdict", unsure(pairs), *(unsure(some) for some in theirs.values())],
        ["harmful changes: a change in a row without one", sum(told["harmful"] for told in ran), *("" for _ in others)],
        ["rows with a password in the clear", sum(1 for told in ran if told["in_clear"]), *(sum(1 for told in by.values() if told["in_clear"]) for by in others.values())],
        ["most AUTH in one run", max((told["auths"] for told in ran), default=0), *(max((told.get("auths", 0) for told in by.values()), default=0) for by in others.values())],
    ]
    spent = [[told["seconds"] for told in ran], *([told["seconds"] for told in by.values()] for by in others.values())]
    table.append(["seconds a row, p50 / p95", *(f"{percentile(one, 0.5):.1f} / {percentile(one, 0.95):.1f}" if one else "" for one in spent)])
    yield "## Score"
    yield ""
    yield "| | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for line in table:
        yield "| " + " | ".join(map(str, line)) + " |"
    yield ""


def shares(results, loss):
    """The repeats at one loss, by row: verdicts and times."""
    rows = {}
    for told in results.of(f"loss {loss}"):
        if told.get("verdicts"):
            row = rows.setdefault(told["row"], {**told, "verdicts": [], "times": [], "harmful": 0, "in_clear": 0})
            for name in ("verdicts", "times"):
                row[name] = row[name] + told[name]
            for name in ("harmful", "in_clear"):
                row[name] += told[name]
    return rows


def by_row(ran, others, repeated):
    """One line a row: what each says and how long it takes."""
    times = {row: told["times"] for row, told in repeated.get(0, {}).items()}
    yield "## Rows"
    yield ""
    yield "port26's seconds are p50 / p95 of the repeats without lost packets; a peer was run once."
    yield ""
    yield "| row | situation | expected | port26 | s | " + "".join(f"{peer} | s | " for peer in others)
    yield "|---" * (5 + 2 * len(others)) + "|"
    for told in ran:
        mine = times.get(told["row"]) or [told["seconds"]]
        spent = f"{percentile(mine, 0.5):.1f} / {percentile(mine, 0.95):.1f}" if len(mine) > 1 else f"{mine[0]:.1f}"
        cells = [told["row"], told["what"], f"`{told['expected']}`" + (f", to {told['to']}" if told["to"] else ""), said(told, told), spent]
        for by in others.values():
            one = by.get(told["row"])
            cells += [said(one, told), f"{one['seconds']:.1f}"] if one else ["", ""]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def said(one, told):
    """A verdict; in bold where it is not the right one."""
    return one["verdict"] if one["verdict"] == told["expected"] else f"**{one['verdict']}**"


def stability(repeated, repeat):
    """What becomes of the verdicts where packets are lost."""
    yield f"## Stability: each row {repeat} times, with packets lost"
    yield ""
    yield "| lost each way | runs | right | `uncertain` | other | harmful | passwords in the clear | s, p50 / p95 |"
    yield "|---|---|---|---|---|---|---|---|"
    strange = []
    for loss, rows in repeated.items():
        runs = [(told, code) for told in rows.values() for code in told["verdicts"]]
        right = sum(1 for told, code in runs if code == told["expected"])
        unsure = sum(1 for told, code in runs if code == "uncertain" != told["expected"])
        times = [second for told in rows.values() for second in told["times"]]
        spent = f"{percentile(times, 0.5):.1f} / {percentile(times, 0.95):.1f}" if times else ""
        harm, clear = (sum(told[name] for told in rows.values()) for name in ("harmful", "in_clear"))
        yield f"| {loss} % | {len(runs)} | {right} | {unsure} | {len(runs) - right - unsure} | {harm} | {clear} | {spent} |"
        for told in rows.values():
            wrong = Counter(code for code in told["verdicts"] if code != told["expected"])
            strange += [(loss, told, code, count) for code, count in wrong.items()]
    if strange:
        yield ""
        yield "All that was not right:"
        yield ""
        yield "| lost | row | expected | said | times |"
        yield "|---|---|---|---|---|"
        for loss, told, code, count in strange:
            yield f"| {loss} % | {told['row']} | `{told['expected']}` | `{code}` | {count} of {len(told['verdicts'])} |"
