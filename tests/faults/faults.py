"""faults.py [ROW..]: runs rows four at a time, each in namespaces of its own, and counts. Called by `run`."""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import certificates
import rows
from scoreboard import macro_f1

ORIGINS = {"own": "own rows", "server": "rows of real servers", "report": "rows of public reports"}
HERE = Path(__file__).resolve().parent
NAMESPACES = HERE.parent / "lab/namespaces"


def in_namespaces(row, folder, *flags, limit=300):
    """One row in its own world."""
    command = [NAMESPACES, sys.executable, "-B", HERE / "one.py", row, "--certificates", folder, *flags]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, stdin=subprocess.DEVNULL)
        return json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return {"row": row, "wrong": [f"the lab broke: {done.stdout}{done.stderr}"]}
    except subprocess.TimeoutExpired:
        return {"row": row, "wrong": [f"not done after {limit} s"]}


def namespaces_possible():
    """Root, and a kernel that lets us."""
    return os.geteuid() == 0 and subprocess.run([NAMESPACES, "true"], capture_output=True, check=False).returncode == 0


def guest(told):
    """What the host saw of one run of `test`, where the row has filters of fail2ban to count with."""
    if not told.get("filters"):
        return ""
    counts = ", ".join(f"{kind} {count}" for kind, count in told["filters"].items())
    return f"  [{told['connections']} connections, {told['auths']} AUTH; fail2ban: {counts}]"


def score(origin, done):
    """How many rows of an origin have the right verdict, and the macro-F1 over them; a verdict that is tolerated is right."""
    pairs = []
    for told in done:
        row = next(row for row in rows.ROWS if row.id == told["row"])
        if row.origin == origin:
            got = told.get("verdict", "")
            pairs.append((row.verdict, row.verdict if got in row.verdicts else got))
    right = sum(1 for expected, got in pairs if expected == got)
    return f"{ORIGINS[origin]}: {right} of {len(pairs)} verdicts right, macro-F1 {macro_f1(pairs):.3f}"


def main():
    wanted = sys.argv[1:] or [row.id for row in rows.ROWS]
    known = {row.id: row for row in rows.ROWS}
    strange = [name for name in wanted if name not in known]
    if strange:
        sys.exit(f"there is no row {', '.join(strange)}; there are: {' '.join(known)}")
    passed, failed, not_run, done = [], [], [], []
    if not namespaces_possible():
        for name in wanted:
            print(f"NOT RUN  {name:>15}  {known[name].title} (needs root and network namespaces)")
        not_run = wanted
    else:
        with tempfile.TemporaryDirectory(prefix="port26-certificates.") as folder:
            os.chmod(folder, 0o755)
            certificates.make(Path(folder))
            # the slow ones first, so that nothing waits for them at the end
            order = sorted(wanted, key=lambda name: not name.startswith(("19", "35", "1-")))
            with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FAULTS_AT_ONCE", "4"))) as pool:
                for told in pool.map(lambda name: in_namespaces(name, folder), order):
                    name = told["row"]
                    if "not_run" in told:
                        print(f"NOT RUN  {name:>15}  {known[name].title} ({told['not_run']})", flush=True)
                        not_run.append(name)
                        continue
                    state, tally = ("FAILED", failed) if told["wrong"] else ("ok", passed)
                    tally.append(name)
                    done.append(told)
                    seconds = f"{told['seconds']:.1f} s" if "seconds" in told else ""
                    print(f"{state:7}  {name:>15}  {told.get('verdict', ''):26} {told.get('result') or '':14} {seconds:>7}  {known[name].title}{guest(told)}", flush=True)
                    for line in told["wrong"]:
                        print(f"                           {line}", flush=True)
    for origin in ORIGINS:
        if any(known[told["row"]].origin == origin for told in done):
            print(score(origin, done))
    print(f"rows: {len(passed)} passed, {len(failed)} failed, {len(not_run)} not run")
    if not_run:
        print(f"NOT RUN HERE: {' '.join(not_run)}", file=sys.stderr)
    if failed or (not_run and os.environ.get("PORT26_REQUIRE_ALL") == "1"):
        sys.exit(1)


if __name__ == "__main__":
    main()
