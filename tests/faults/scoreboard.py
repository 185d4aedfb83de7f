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
    verdicts = Counter(told.get("verdicts", ()))
    what = told.get("verdict") or ", ".join(f"{code} {count}" for code, count in verdicts.items())
    if "led_to" in told:
        what = f"-> {told['led_to']}"
    strange = "".join(f"\n        {line}" for one in told.get("strange", ()) for line in one)
    return f"{unit.kind:11} {unit.row:>4}  {what or told.get('not_run') or ''} {told.get('wrong') or ''}{strange}"


def page(results, program, losses, peers, repeat):
    """The page."""
    once = results.of("once")
    ran = [told for told in once if "verdict" in told]
    others = {peer: {told["row"]: told for told in results.of(peer) if "seconds" in told} for peer in peers}
    repeated = {loss: shares(results, loss) for loss in losses}
    yield "# The fault matrix, measured"
    yield ""
    yield f"{len(ran)} situations, each built for real in network namespaces ([tests/faults](../tests/faults/README.md)): {platform.system()} {platform.release()}, {os.cpu_count()} cores, {program}."
    missing = [told for told in once if "verdict" not in told]
    if missing:
        yield "Not measured here: " + ", ".join(f"{told['row']} ({told.get('not_run') or 'it broke'})" for told in missing) + "."
    yield "How it came about, and what to make of it: [benchmarks.md](benchmarks.md#verdicts). What is expected of all rows today stands behind the"
    yield "measurements: [own rows](#rows-beside-which-the-rules-were-written), [real servers](#rows-of-real-servers), [public reports](#rows-of-public-reports)."
    yield "What the last two came to is in benchmarks.md."
    yield ""
    yield "    cargo build --release"
    yield f"    PORT26=target/release/port26 scripts/bench-faults --repeat {repeat} --at-once 24 --output docs/fault-matrix.md"
    yield ""
    yield from score(ran, others)
    if losses:
        yield from stability(repeated, repeat)
    yield from seen_before(results, repeated)
    yield from by_row(ran, others, repeated)


def score(ran, others):
    """The sums. A peer that looks for settings is counted by where it leads, one that tries them by what it says."""
    mine = {told["row"]: told for told in ran}
    moves = [row for row, told in mine.items() if told["to"]]
    stays = [row for row, told in mine.items() if not told["to"]]
    table = [["port26", *sums(mine, mine)]]
    for peer, by in others.items():
        table.append([peer, *sums(by, mine)])
    names = [
        "",
        "macro-F1 over the expected verdicts",
        "rows with the right verdict",
        "abstentions: nothing said, or *uncertain* where there is a verdict",
        f"led to a port that works, in the {len(moves)} rows with a way out",
        f"changed, or led to another port, in the {len(stays)} rows where nothing is to be changed",
        "rows with the password in the clear",
        "most AUTH in one run",
        "seconds a row, p50 / p95",
    ]
    yield "## Score"
    yield ""
    if others:
        yield "Each peer was run once a row. swaks and smtplib try the account's present settings; what they say counts as the likeliest verdict that"
        yield "it can stand for, in their favour (`tests/faults/peers.py`). Thunderbird and Delta Chat look for settings that work, given the host's name;"
        yield "what counts of them is where they end. Delta Chat's core trusts public roots only and was told to take any certificate."
        yield ""
    for place, name in enumerate(names):
        yield f"| {name} | " + " | ".join(str(column[place]) for column in table) + " |"
        if place == 0:
            yield "|---" * (len(table) + 1) + "|"
    yield ""


def sums(by, mine):
    """One column of the score."""
    told = {row: one for row, one in by.items() if row in mine}
    seconds = [one["seconds"] for one in told.values()]
    pairs = [(mine[row]["expected"], one["verdict"]) for row, one in told.items() if "verdict" in one]
    searches = any("led_to" in one for one in told.values())
    if by is mine:
        led = sum(1 for one in told.values() if one["to"] and one["result"] == "fixed")
        astray = sum(one["harmful"] for one in told.values())
    elif searches:
        led = sum(1 for row, one in told.items() if mine[row]["to"] and one.get("led_to") not in (None, mine[row]["present"]))
        astray = sum(1 for row, one in told.items() if not mine[row]["to"] and one.get("led_to") not in (None, mine[row]["present"]))
    else:
        led = astray = "tries one port"
    unsure = sum(1 for expected, got in pairs if got in ("uncertain", "none") and got != expected)
    return [
        f"{macro_f1(pairs):.3f}" if pairs else "names no cause",
        f"{sum(1 for expected, got in pairs if expected == got)} of {len(pairs)}" if pairs else "",
        unsure if pairs else "",
        led,
        astray,
        sum(1 for one in told.values() if one["in_clear"]),
        max((one["auths"] for one in told.values()), default=0),
        f"{percentile(seconds, 0.5):.1f} / {percentile(seconds, 0.95):.1f}" if seconds else "",
    ]


def shares(results, loss):
    """The repeats at one loss, by row."""
    return merged(results, f"loss {loss}")


def merged(results, kind):
    """All shares of one kind of repeats put together, by row."""
    rows = {}
    for told in results.of(kind):
        if told.get("verdicts"):
            row = rows.setdefault(told["row"], {**told, "verdicts": [], "times": [], "connections": [], "harmful": 0, "in_clear": 0})
            for name in ("verdicts", "times", "connections"):
                row[name] = row[name] + told.get(name, [])
            for name in ("harmful", "in_clear"):
                row[name] += told[name]
    return rows


def by_row(ran, others, repeated):
    """One line a row: what each says and how long it takes."""
    times = {row: told["times"] for row, told in repeated.get(0, {}).items()}
    yield "## Rows"
    yield ""
    yield "port26's seconds are p50 / p95 of the repeats without lost packets; a peer was run once. Bold is not right."
    yield ""
    yield "| row | situation | expected | port26 | s | " + "".join(f"{peer} | s | " for peer in others)
    yield "|---" * (5 + 2 * len(others)) + "|"
    for told in ran:
        mine = times.get(told["row"]) or [told["seconds"]]
        spent = f"{percentile(mine, 0.5):.1f} / {percentile(mine, 0.95):.1f}" if len(mine) > 1 else f"{mine[0]:.1f}"
        cells = [told["row"], told["what"], f"`{told['expected']}`" + (f", to {told['to']}" if told["to"] else ""), said(told, told), spent]
        for by in others.values():
            one = by.get(told["row"])
            cells += [said(one, told), f"{one['seconds']:.1f}"] if one else ["did not run", ""]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def said(one, told):
    """A verdict, or the port that a search ended at."""
    if "led_to" in one:
        port = one["led_to"]
        right = port not in (None, told["present"]) if told["to"] else port in (None, told["present"])
        text = f"port {port}" if port else "nothing"
    else:
        text, right = one["verdict"], one["verdict"] == told["expected"]
    return text if right else f"**{text}**"


def seen_before(results, repeated):
    """The same rows on a network that is known by then."""
    rows = merged(results, "seen before")
    if not rows:
        return
    first = repeated.get(0, {})
    wrong = [f"{row}: `{code}`" for row, told in rows.items() for code in told["verdicts"] if code != told["expected"]]
    yield "## A network seen before"
    yield ""
    yield f"Each row again on a network that port26 has seen in the same state: {sum(len(told['verdicts']) for told in rows.values())} runs, {len(wrong)} verdicts that differ{': ' if wrong else ''}{', '.join(wrong)}."
    yield "Connections that the host's scripted servers had in one test, where they are fewer:"
    yield ""
    yield "| row | situation | first visit | seen before | s, p50, first visit | seen before |"
    yield "|---|---|---|---|---|---|"
    for row, told in rows.items():
        new = first.get(row)
        if new and told["connections"] and max(told["connections"]) < min(new["connections"]):
            counts = [statistics.median(one["connections"]) for one in (new, told)]
            times = [percentile(one["times"], 0.5) for one in (new, told)]
            yield f"| {row} | {told['what']} | {counts[0]:.0f} | {counts[1]:.0f} | {times[0]:.2f} | {times[1]:.2f} |"
    yield ""


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
