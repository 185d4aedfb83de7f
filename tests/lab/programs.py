"""Programs of this machine: whether they are there, run to their end, or started as a server."""

import socket
import subprocess
import time
from pathlib import Path


class NotInstalled(Exception):
    """A server that is needed is not there."""


def installed(program):
    """A program of this machine."""
    if not Path(program).exists():
        raise NotInstalled(Path(program).name)
    return program


def sh(*command, **more):
    """Runs a command that must work; what it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def start(folder, name, *command, **more):
    """Starts a daemon that stays in the foreground; what it says goes to a file, which is returned."""
    told = folder / f"{name}.told"
    with told.open("a") as out:
        subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, **more)
    return told


def wait_for(address, port, told=None):
    """Waits until somebody listens there."""
    for _ in range(100):
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {address} port {port}: {told.read_text() if told and told.exists() else told}")
