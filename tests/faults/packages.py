"""Servers that cannot be installed beside each other: Debian's packages, unpacked, and laid over this row's own view of
/usr and /etc, so that they find their files where they look for them. Other rows and this machine see nothing of it."""

import os
from pathlib import Path

from lab.programs import NotInstalled, sh

LIBRARIES = "x86_64-linux-gnu"


def folder_of(name):
    """Where the packages of a server are unpacked."""
    folder = Path(os.environ.get("FAULTS_TOOLS", "/nonexistent")) / name
    if not (folder / "complete").exists():
        raise NotInstalled(name)
    return folder


def lay_over(row, name):
    """Lays the packages over /usr and a copy of /etc that may be written. Returns the environment for its programs."""
    folder, over = folder_of(name), row / "over"
    over.mkdir()
    sh("mount", "-t", "tmpfs", "over", over)
    for part in ("up", "work"):
        (over / part).mkdir()
    lower = ":".join(str(one) for one in (folder / "etc", Path("/etc")) if one.exists())
    sh("mount", "-t", "overlay", "etc", "-o", f"lowerdir={lower},upperdir={over}/up,workdir={over}/work", "/etc")
    for file in ("resolv.conf", "nsswitch.conf", "hosts"):  # this hides what the row has put there
        sh("mount", "--bind", row / file, f"/etc/{file}")
    sh("mount", "-t", "overlay", "usr", "-o", f"lowerdir={folder}/usr:/usr", "/usr")
    return dict(os.environ, LD_LIBRARY_PATH=f"/usr/lib:/usr/lib/{LIBRARIES}:{folder}/lib/{LIBRARIES}")


def empty(*folders):
    """Empty folders in the place of this machine's own."""
    for folder in folders:
        sh("mount", "-t", "tmpfs", "-o", "mode=755", "empty", folder)


def users(*names):
    """Users that a package would have made, from number 5101 on."""
    for number, name in enumerate(names, 5101):
        for file, line in (("passwd", f"{name}:x:{number}:{number}::/nonexistent:/bin/sh\n"), ("group", f"{name}:x:{number}:\n")):
            with Path(f"/etc/{file}").open("a") as out:
                out.write(line)
