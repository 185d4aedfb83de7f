"""speed.py: how long until it is known what is wrong and which port works, where the network drops port 25: one account, and
200 accounts at 50 hosts; on a network never seen and on a known one; beside peers in the same run. Called by
scripts/bench. Every server takes 20 ms for each answer, as over a line."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import certificates
from faults import NAMESPACES, namespaces_possible
from lab.certificates import certificate
from peers import PEERS
from scripted import CROWD
from world import HOST_4, World

PAUSE = 0.02
TIMES = 5
HOSTS, EACH = 50, 4
# What people try one after the other, with the time that each tool takes by itself for a port that does not answer.
IN_ORDER = (25, 26)


class Sockets:
    """The most TCP sockets that the computer has at a time, from the first SYN to the close."""

    def __init__(self, pid):
        self.most, self._pid, self._on = 0, pid, True
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self):
        while self._on:
            lines = Path(f"/proc/{self._pid}/net/tcp").read_text().splitlines()[1:]
            # 01 is established, 02 SYN sent, 08 waits for the close of the other side
            self.most = max(self.most, sum(1 for line in lines if line.split()[3] in ("01", "02", "08")))
            time.sleep(0.01)

    def end(self):
        """Stops counting; the most there were."""
        self._on = False
        self._thread.join()
        return self.most


def median(world, times=TIMES, known=False):
    """Seconds of `test`, and connections to the host; all runs must agree on the verdict."""
    seconds, connections, verdicts = [], [], set()
    for _ in range(times):
        if not known:
            shutil.rmtree(world.folder / "state", ignore_errors=True)
        before = CROWD.all.get(HOST_4, 0)
        told, took = world.port26("test", "--credential-stdin")
        verdicts.add((told["verdict"]["code"], (told.get("after") or {}).get("port")))
        seconds.append(took)
        connections.append(CROWD.all.get(HOST_4, 0) - before)
    return {"seconds": statistics.median(seconds), "connections": statistics.median(connections), "said": sorted(verdicts, key=str)}


def one_account(world):
    """The account is on 25, then it is moved."""
    world.mail_host(pause=PAUSE)
    world.other()
    world.block(25)
    world.apply()
    world.home()
    yield "port26, network never seen", median(world)
    yield "port26, network seen before", median(world, known=True)
    world.port26("fix", "--yes", "--credential-stdin")
    yield "port26, once moved, network seen before", median(world, known=True)
    shutil.rmtree(world.folder / "home")
    for peer, seconds in (("swaks", 30), ("smtplib", 10)):
        started, said = time.monotonic(), []
        for port in IN_ORDER:
            world.account = {"port": port, "tls": 0 if port == 25 else 2, "auth": 1 if port == 25 else 3}
            said.append(PEERS[peer].ask(world)["verdict"])
            shutil.rmtree(world.folder / "home")
        yield f"{peer}, ports {' and '.join(map(str, IN_ORDER))} one after the other, {seconds} s a port", {"seconds": time.monotonic() - started, "said": said}
    world.account = {"port": 25, "tls": 0, "auth": 1}
    for peer, name in (("thunderbird", "Thunderbird's search"), ("deltachat", "Delta Chat's search")):
        if not PEERS[peer].missing():
            told = PEERS[peer].ask(world)
            shutil.rmtree(world.folder / "home")
            yield f"{name} (never tries 25 or 26)", {"seconds": told["seconds"], "said": [f"port {told['led_to']}"]}


def many_accounts(world):
    """Each host has an address of its own; port 25 is dropped to all of them."""
    names = [f"mail.hosting{number}.test" for number in range(HOSTS)]
    certificate(world.folder, "crowd", "ca", names)
    for number, name in enumerate(names):
        address = f"198.51.100.{101 + number}"
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        world.names.records[name] = {"a": [address]}
        world.mail_host((26, 465, 587), (address,), name=name, certificate="crowd", pause=PAUSE)
    world.other()
    world.block(25)
    world.apply()
    world.users = crowded_home(world.folder / "home", names)
    for known in (False, True):
        CROWD.most = 0
        sockets = Sockets(world.client.pid)
        document, seconds = world.document("test", "--credential-stdin")
        said = {(one["verdict"]["code"], (one.get("after") or {}).get("port"), one.get("result")) for one in document["accounts"]}
        yield f"port26, {len(document['accounts'])} accounts at {HOSTS} hosts, network {'seen before' if known else 'never seen'}", {
            "seconds": seconds,
            "said": sorted(said, key=str),
            "sockets": sockets.end(),
            "at one host": CROWD.most,
            "auths": world.auths(),
        }


def crowded_home(home, names):
    """One Thunderbird profile with all accounts; returns their users."""
    profile = home / ".thunderbird/one.default"
    profile.mkdir(parents=True)
    (home / ".thunderbird/profiles.ini").write_text("[Profile0]\nName=default\nIsRelative=1\nPath=one.default\nDefault=1\n")
    users = [(f"user{number}@{name.split('.', 1)[1]}", name) for name in names for number in range(EACH)]
    prefs = [("mail.accountmanager.accounts", ",".join(f"account{at}" for at in range(len(users))))]
    prefs.append(("mail.smtpservers", ",".join(f"smtp{at}" for at in range(len(users)))))
    for at, (user, host) in enumerate(users):
        prefs += [
            (f"mail.account.account{at}.identities", f"id{at}"),
            (f"mail.account.account{at}.server", f"server{at}"),
            (f"mail.identity.id{at}.smtpServer", f"smtp{at}"),
            (f"mail.identity.id{at}.useremail", user),
            (f"mail.server.server{at}.hostname", host),
            (f"mail.server.server{at}.type", "imap"),
            (f"mail.server.server{at}.userName", user),
            (f"mail.smtpserver.smtp{at}.hostname", host),
            (f"mail.smtpserver.smtp{at}.port", 25),
            (f"mail.smtpserver.smtp{at}.authMethod", 1),
        ]
    (profile / "prefs.js").write_text("".join(f'user_pref("{name}", {json.dumps(value)});\n' for name, value in prefs))
    return [user for user, _ in users]


PARTS = {"one": one_account, "many": many_accounts}


def inside(part):
    """One part, inside its namespaces."""
    with tempfile.TemporaryDirectory(prefix="port26-speed.") as folder:
        os.chmod(folder, 0o755)
        try:
            certificates.make(Path(folder))
            for name, told in PARTS[part](World(folder, folder)):
                print(json.dumps([name, told]), flush=True)
        except Exception:  # told by whoever started this
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        sys.stdout.flush()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def main():
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2])
    if not namespaces_possible():
        sys.exit("needs root and network namespaces")
    for part in PARTS:
        done = subprocess.run([NAMESPACES, sys.executable, "-B", __file__, "--inside", part], capture_output=True, text=True, timeout=600, check=False)
        told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}")
        base = told[0][1]["seconds"]
        for name, one in told:
            rest = ", ".join(f"{key} {value}" for key, value in one.items() if key != "seconds")
            print(f"{one['seconds']:7.2f} s  x{one['seconds'] / base:<6.2f} {name}: {rest}")


if __name__ == "__main__":
    main()
