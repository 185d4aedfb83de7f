"""meet.py PROGRAM: inside namespaces of its own, lets one program meet every host; a line of JSON for each meeting."""

import importlib
import json
import os
import subprocess
import sys
import threading
import time

import place
from cell import Cell
from hello import Hellos
from hosts import HOSTS
from lab import screens
from lab.invented import PASSWORD, USER

# A program that has not sent by then counts as one that does not send.
PATIENCE_S = 40


def start(hosts):
    """All hosts at once."""
    failed = []

    def one(host):
        try:
            host.start()
        except Exception as error:
            failed.append(f"{host.key}: {error!r}")

    threads = [threading.Thread(target=one, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit("hosts that do not start: " + "; ".join(failed))


def predicted(program, cell):
    """What $WILL_SEND says of a cell, or nothing without it."""
    command = os.environ.get("WILL_SEND")
    if not command:
        return None
    line = [command, program, cell.host.name, str(cell.port), cell.variant.mode, cell.variant.auth]
    login = f"{USER}:{PASSWORD}\n"
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, input=login)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"why": f"ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}"}


def said_since(host, mark, subject, sent):
    """What the host has written since; the log of a message that was sent may be a moment late."""
    for _ in range(20 if sent else 4):
        time.sleep(0.1)
        text = host.log.read_bytes()[mark:].decode(errors="replace")
        seen = host.read(text, subject)
        if seen.arrived:
            break
    return seen, text


def main(name, wanted):
    out = open(os.environ["MEET_LINES"], "a", encoding="utf-8")
    place.network()
    place.trust()
    screens.of_this_lab()
    hosts = [host for host in HOSTS.values() if not wanted or host.key in wanted]
    start(hosts)
    sender = importlib.import_module(f"senders.{name}")
    version = sender.version()
    hellos = Hellos()
    cells = [Cell(variant, host) for variant in sender.VARIANTS for host in hosts if variant.meets(host)]

    def attempt(cell, send):
        subject = f"{name} {cell.variant.name} {cell.host.key}"
        mark = cell.host.log.stat().st_size if cell.host.log.exists() else 0
        hello, connection = len(hellos.seen), len(hellos.connections)
        started = time.monotonic()
        sent, dialogs = send(subject, PATIENCE_S)
        took = time.monotonic() - started
        seen, text = said_since(cell.host, mark, subject, sent)
        here = (cell.host.address, cell.port)
        told = {
            "program": name, "version": version, "variant": cell.variant.name, "auth": cell.variant.auth, "mode": cell.variant.mode,
            "host": cell.host.key, "what": cell.host.what, "port": cell.port,
            "seen": ("sent" if seen.login else "sent without a login") if seen.arrived else "not sent",
            "says_sent": sent, "dialogs": dialogs, "seconds": round(took, 1), "login": seen.login, "tls": seen.tls,
            "hello": [one for *where, one in hellos.seen[hello:] if tuple(where) == here],
            "connections": sum(1 for one in hellos.connections[connection:] if one == here),
            "auths": seen.auths, "offered": seen.offered, "commands": seen.commands, "refused": seen.refused,
            "predicted": predicted(name, cell),
        }
        print(json.dumps(told), file=out, flush=True)
        tried = ", ".join(f"{mechanism}{'+ir' if first else ''} {answer}" for mechanism, first, answer in seen.auths)
        print(f"{subject}: {told['seen']} ({tried or 'no login'}, {seen.tls}, {took:.1f} s) {dialogs or ''}", flush=True)
        (place.DIR / "said").mkdir(exist_ok=True)
        (place.DIR / "said" / subject.replace(" ", "_")).write_text(text)

    sender.meet(cells, attempt)
    print("all met", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
