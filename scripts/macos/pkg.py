#!/usr/bin/env python3
"""pkg.py APP VERSION OUT.pkg: a flat package for Apple's Installer, made without a Mac: port26.app in /Applications, the
launch agent, the path for terminals, and the scripts beside them. SOURCE_DATE_EPOCH is the date of everything in it.
Each part is listed in one table here (`laid_down`); check_pkg.py reads the result back."""

import os
import pathlib
import stat
import sys
import xml.sax.saxutils

import archive
import bom
from archive import Entry

PACKAGE = "org.port26.pkg"
APP = "org.port26"
COMPONENT = "port26.pkg"
HERE = pathlib.Path(__file__).resolve().parents[2] / "installer/macos"
ROOT, WHEEL, ADMIN = 0, 0, 80
PATHS = b"/Applications/port26.app/Contents/MacOS\n"
# folders of the system, with the modes and owners they have there: nothing about them is to change
SYSTEM_FOLDERS = {
    ".": (0o755, WHEEL),
    "./Applications": (0o775, ADMIN),
    "./Library": (0o755, WHEEL),
    "./Library/LaunchAgents": (0o755, WHEEL),
    "./private": (0o755, WHEEL),
    "./private/etc": (0o755, WHEEL),
    "./private/etc/paths.d": (0o755, WHEEL),
}


def laid_down(app, when):
    out = [Entry(path, stat.S_IFDIR | mode, ROOT, group, when) for path, (mode, group) in SYSTEM_FOLDERS.items()]
    for path in [app, *app.rglob("*")]:
        name = f"./Applications/port26.app/{path.relative_to(app).as_posix()}".removesuffix("/.")
        if path.is_symlink():
            sys.exit(f"{path}: links are not packed here")
        if path.is_dir():
            out.append(Entry(name, stat.S_IFDIR | 0o755, ROOT, WHEEL, when))
        else:
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            out.append(Entry(name, stat.S_IFREG | mode, ROOT, WHEEL, when, path.read_bytes()))
    agent = (HERE / "org.port26.agent.plist").read_bytes()
    out.append(Entry("./Library/LaunchAgents/org.port26.agent.plist", stat.S_IFREG | 0o644, ROOT, WHEEL, when, agent))
    out.append(Entry("./private/etc/paths.d/port26", stat.S_IFREG | 0o644, ROOT, WHEEL, when, PATHS))
    return sorted(out, key=lambda entry: entry.path.encode())


def scripts(when):
    out = [Entry(".", stat.S_IFDIR | 0o755, ROOT, WHEEL, when)]
    for name in ("postinstall", "preinstall"):
        out.append(Entry(f"./{name}", stat.S_IFREG | 0o755, ROOT, WHEEL, when, (HERE / "scripts" / name).read_bytes()))
    return out


def filled(template, values):
    text = (HERE / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", xml.sax.saxutils.escape(str(value), {'"': "&quot;"}))
    return text.encode()


def main():
    app, version, out = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    when = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    entries = laid_down(app, when)
    size = sum(len(entry.data) for entry in entries)
    values = {"VERSION": version, "FILES": len(entries), "KBYTES": -(-size // 1024)}
    files = {
        "Distribution": filled("Distribution.xml", values),
        f"{COMPONENT}/Bom": bom.write(entries),
        f"{COMPONENT}/PackageInfo": filled("PackageInfo.xml", values),
        f"{COMPONENT}/Payload": archive.write_cpio(entries),
        f"{COMPONENT}/Scripts": archive.write_cpio(scripts(when)),
    }
    out.write_bytes(archive.write_xar(files, when))


if __name__ == "__main__":
    main()
