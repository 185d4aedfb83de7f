"""Files in /etc that only this mount namespace has."""

from pathlib import Path

from lab.programs import sh

LOCAL = "127.0.0.1 localhost\n"


def own(folder, name, text, where="/etc"):
    """Lays a file of the folder over the machine's. What is written into it later shows at once."""
    file = Path(folder) / name
    mounted = file.exists()
    file.write_text(text)
    if not mounted:
        sh("mount", "--bind", file, f"{where}/{name}")


def resolver(folder, server, first=""):
    """What the network says about names: its server, and its suffix."""
    own(folder, "resolv.conf", f"{first}\nnameserver {server}\n")


def names_of(folder, server, first="", hosts=LOCAL):
    """Names are looked up in this hosts file, then asked of this server, and of nobody else."""
    resolver(folder, server, first)
    switch = Path("/etc/nsswitch.conf").read_text().splitlines(True)
    own(folder, "nsswitch.conf", "".join("hosts: files dns\n" if line.startswith("hosts:") else line for line in switch))
    own(folder, "hosts", hosts)
