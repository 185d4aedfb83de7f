"""one.py ROW [--repeat N] [--loss P] [--peer NAME]: builds one row and tells what came of it, as JSON. Runs inside the
namespaces that `run` makes."""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import bans
import peers
import rows
from lab.files import picture
from lab.programs import NotInstalled
from scripted import CROWD
from world import CLIENT_4, HOST_4, World


def counted(world, row):
    """Lines of the server's log about this computer that each of the row's filters counts, so far."""
    if not row.filters:
        return {}
    time.sleep(0.3)  # it is written by another process
    mine = world.folder / "log.mine"
    lines = world.log.read_text(errors="replace").splitlines(True)
    mine.write_text("".join(line for line in lines if f"[{CLIENT_4}]" in line))
    return {kind: bans.matches(mine, kind) for kind in row.filters}


def once(world, row):
    """test, fix and undo, as a script would; what was wrong with them."""
    wrong, home = [], world.home()
    before = picture(home)
    world.apply()
    if world.before:
        world.before(world)
    before_run = len(world.connections), world.auths()
    told, seconds = world.port26("test", "--credential-stdin")
    connections, auths = len(world.connections) - before_run[0], world.auths() - before_run[1]
    counts = counted(world, row)
    for name, expected in world.beside.items():
        if world.verdicts.get(name) != expected:
            wrong.append(f"{name}: verdict {world.verdicts.get(name)}, not {expected}")
    verdict = told["verdict"]
    if verdict["code"] not in row.verdicts:
        wrong.append(f"verdict {verdict['code']}, not {row.verdict}: {verdict['evidence']}")
    if verdict["code"] != "ok" and not verdict["evidence"]:
        wrong.append("no evidence")
    reason = told.get("reason") or {}
    if not (verdict["summary"] and told.get("result") and reason.get("message") and reason.get("hint")):
        wrong.append(f"it is not said what is wrong, what is done and what to do: {told}")
    if picture(home) != before:
        wrong.append("test changed a file")
    if auths > 1:
        wrong.append(f"{auths} AUTH in one test")
    world.apply()
    before_run = len(world.connections), world.auths()
    fixed, _ = world.port26("fix", "--yes", "--credential-stdin")
    if world.auths() - before_run[1] > 1:
        wrong.append(f"{world.auths() - before_run[1]} AUTH in one fix")
    at_fix = len(world.connections) - before_run[0]
    if max(connections, at_fix) > row.most_connections:
        wrong.append(f"{connections} connections of test and {at_fix} of fix, not {row.most_connections} at most")
    banned = [kind for kind, count in counted(world, row).items() if count >= bans.MAXRETRY]
    if banned:
        wrong.append(f"test and fix would be banned by {banned}")
    why = fixed.get("reason") or {}
    if row.reasons and why.get("code") not in row.reasons:
        wrong.append(f"reason {why.get('code')}, not {row.reasons[0]}: {why.get('message')}")
    words = " ".join([verdict["summary"], *verdict["evidence"], *map(str, why.values())])
    if not re.search(row.says, words):
        wrong.append(f"it is not said, {row.says}: {words}")
    after = picture(home)
    harmful = row.to is None and after != before
    if harmful:
        wrong.append(f"a change in a row without one: {fixed.get('after')}")
    if row.to is not None:
        to = (fixed.get("after") or {}).get("port")
        if fixed.get("result") != "fixed" or to != row.to:
            wrong.append(f"fix: {fixed.get('result')} to {to}, not to {row.to}: {fixed.get('reason')}")
        elif f'smtp1.port", {row.to});' not in after[".thunderbird/one.default/prefs.js"][1].decode():
            wrong.append("the new port is not in the profile")
        elif fixed["after"]["auth"] != "password":
            wrong.append(f"moved without a login: {fixed['after']}")
        else:
            world.port26("undo", "--last", "--yes")
            if picture(home) != before:
                wrong.append("undo left differences")
    in_clear = world.passwords_in_clear()
    if in_clear:
        wrong.append(f"{in_clear} packets with the password in the clear")
    if CROWD.most > 3:
        wrong.append(f"{CROWD.most} connections at a time to one address")
    return {
        "wrong": wrong,
        "verdict": verdict["code"],
        "summary": verdict["summary"],
        "evidence": verdict["evidence"],
        "reason": why,
        "result": fixed.get("result"),
        "seconds": round(seconds, 2),
        "harmful": int(harmful),
        "in_clear": in_clear,
        "auths": auths,
        "connections": connections,
        "filters": counts,
        "at_once": CROWD.most,
    }


def many(world, row, times, loss, known):
    """`test` many times with packets lost: verdicts, times and connections; the evidence too of what is not right. The
    network is new each time, unless it shall be known: then it is seen once before."""
    world.home()
    told = {"verdicts": [], "times": [], "connections": [], "strange": [], "harmful": 0}
    if known:
        world.apply()
        world.port26("test", "--credential-stdin")
    for _ in range(times):
        world.apply(loss)
        if not known:
            shutil.rmtree(world.folder / "state", ignore_errors=True)
        before = CROWD.all.get(HOST_4, 0)
        account, seconds = world.port26("test", "--credential-stdin")
        verdict = account["verdict"]
        told["verdicts"].append(verdict["code"])
        told["times"].append(round(seconds, 2))
        told["connections"].append(CROWD.all.get(HOST_4, 0) - before)
        told["harmful"] += account.get("result") == "would_fix" and row.to is None
        if verdict["code"] != row.verdict:
            told["strange"].append([verdict["code"], *verdict["evidence"]])
    return told | {"in_clear": world.passwords_in_clear(), "at_once": CROWD.most, "wrong": []}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("row")
    arguments.add_argument("--certificates", required=True)
    arguments.add_argument("--repeat", type=int, default=0)
    arguments.add_argument("--loss", type=int, default=0, help="lost packets in a thousand, each way")
    arguments.add_argument("--known", action="store_true", help="on a network that was seen before")
    arguments.add_argument("--peer")
    asked = arguments.parse_args()
    row = next(one for one in rows.ROWS if one.id == asked.row)
    told = {"row": row.id, "what": row.title, "expected": row.verdict, "to": row.to}
    with tempfile.TemporaryDirectory(prefix="port26-faults.") as folder:
        os.chmod(folder, 0o755)
        try:
            world = World(folder, asked.certificates)
            row.build(world)
            told["present"] = world.account["port"]
            if asked.peer:
                world.apply()
                started = time.monotonic()
                answer = peers.PEERS[asked.peer].ask(world)
                told |= {"seconds": round(time.monotonic() - started, 2), "auths": world.auths(), **answer}
            elif asked.repeat:
                told |= many(world, row, asked.repeat, asked.loss, asked.known)
            else:
                told |= once(world, row)
        except NotInstalled as missing:
            told["not_run"] = f"needs {missing}"
        except Exception:  # whatever broke the lab is this row's failure, told as such
            told["wrong"] = [traceback.format_exc()]
        told_text = json.dumps(told)
        print(told_text, flush=True)
        # The namespaces end with this process, and everything in them; threads that wait for packets must not keep it.
        sys.stdout.flush()
        shutil.rmtree(Path(folder), ignore_errors=True)
        os._exit(0)


main()
