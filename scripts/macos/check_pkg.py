#!/usr/bin/env python3
"""check_pkg.py PKG VERSION FOLDER: reads a package back, fails on anything that is not as port26 ships it, and lays its
files down below FOLDER/root and its scripts in FOLDER/scripts, where other tools look at them. What it cannot tell:
whether Apple's Installer takes it."""

import pathlib
import plistlib
import stat
import struct
import sys
import zlib
from xml.etree import ElementTree

import archive
import bom

# path: (mode, group); what is in the app is looked at by check.py
BESIDE_THE_APP = {
    ".": ("drwxr-xr-x", 0),
    "./Applications": ("drwxrwxr-x", 80),
    "./Applications/port26.app": ("drwxr-xr-x", 0),
    "./Library": ("drwxr-xr-x", 0),
    "./Library/LaunchAgents": ("drwxr-xr-x", 0),
    "./Library/LaunchAgents/org.port26.agent.plist": ("-rw-r--r--", 0),
    "./private": ("drwxr-xr-x", 0),
    "./private/etc": ("drwxr-xr-x", 0),
    "./private/etc/paths.d": ("drwxr-xr-x", 0),
    "./private/etc/paths.d/port26": ("-rw-r--r--", 0),
}
IN_THE_APP = "./Applications/port26.app/"
PROGRAM = IN_THE_APP + "Contents/MacOS/port26"
REMOVER = IN_THE_APP + "Contents/Resources/remove-port26"
# what scripts for device management call
RUNS = {PROGRAM, REMOVER}


def payload_faults(entries):
    found = {entry.path: entry for entry in entries}
    if len(found) != len(entries):
        yield "a file is in it twice"
    for path in sorted((set(BESIDE_THE_APP) | RUNS) - set(found)):
        yield f"{path} is not in it"
    for path, entry in found.items():
        mode = stat.filemode(entry.mode)
        if path in BESIDE_THE_APP:
            wanted = BESIDE_THE_APP[path]
        elif path.startswith(IN_THE_APP):
            wanted = ("drwxr-xr-x" if entry.is_folder else "-rwxr-xr-x" if path in RUNS else "-rw-r--r--", 0)
        else:
            yield f"{path} has no place in it"
            continue
        if (mode, entry.gid) != wanted or entry.uid != 0:
            yield f"{path} is {mode} {entry.uid}:{entry.gid}, not {wanted[0]} 0:{wanted[1]}"


def bom_faults(bill, entries):
    listed = {entry.path: (entry, size, sum_) for entry, size, sum_ in bill}
    for path in sorted(set(listed) ^ {entry.path for entry in entries}):
        yield f"Bom and Payload differ in {path}"
    for entry in entries:
        if entry.path not in listed:
            continue
        told, size, sum_ = listed[entry.path]
        same = ("mode", "uid", "gid", "time")
        if [getattr(told, name) for name in same] != [getattr(entry, name) for name in same]:
            yield f"Bom tells other modes, owners or dates of {entry.path}"
        if size != len(entry.data) or (not entry.is_folder and sum_ != bom.checksum(entry.data)):
            yield f"Bom tells another content of {entry.path}"


def info_faults(text, version, entries):
    info = ElementTree.fromstring(text)
    size = sum(len(entry.data) for entry in entries)
    told = {key: info.get(key) for key in ("identifier", "version", "install-location", "auth", "relocatable")}
    wanted = ["org.port26.pkg", version, "/", "root", "false"]
    if list(told.values()) != wanted:
        yield f"PackageInfo tells {told}"
    payload = info.find("payload")
    if payload.get("numberOfFiles") != str(len(entries)) or int(payload.get("installKBytes")) != -(-size // 1024):
        yield f"PackageInfo counts {payload.attrib}"
    if [(script.tag, script.get("file")) for script in info.find("scripts")] != [
        ("preinstall", "./preinstall"),
        ("postinstall", "./postinstall"),
    ]:
        yield "PackageInfo names other scripts"
    if info.find("bundle").get("path") != "./Applications/port26.app" or len(info.find("relocate")):
        yield "PackageInfo would follow an app that was moved"


def distribution_faults(text, version):
    root = ElementTree.fromstring(text)
    choice = root.find("choices-outline/line/line").get("choice")
    references = root.findall("pkg-ref")
    if root.find(f"choice[@id='{choice}']/pkg-ref").get("id") != "org.port26.pkg":
        yield "Distribution offers another package"
    if [(one.text or "").strip() for one in references] != ["#port26.pkg", ""]:
        yield "Distribution points elsewhere"
    if references[0].get("version") != version or root.find("product").get("version") != version:
        yield "Distribution tells another version"
    if root.find("volume-check/allowed-os-versions/os-version").get("min") != "12.0":
        yield "Distribution is for other systems"
    if root.find("options").get("hostArchitectures") != "arm64,x86_64":
        yield "Distribution is for other processors"


def agent_faults(agent):
    if agent.get("Label") != "org.port26.agent" or agent.get("RunAtLoad") is not True:
        yield "the agent does not start at login"
    if agent.get("ProgramArguments") != [PROGRAM[1:], "agent", "run", "--silent"]:
        yield f"the agent runs {agent.get('ProgramArguments')}"
    if agent.get("LimitLoadToSessionType") != "Aqua" or "UserName" in agent:
        yield "the agent is not one of a person's own session"


def faults(files, version, entries, scripts):
    parts = {f"port26.pkg/{name}" for name in ("Bom", "PackageInfo", "Payload", "Scripts")}
    if set(files) != parts | {"Distribution"}:
        yield f"it holds {sorted(files)}"
    yield from payload_faults(entries)
    yield from bom_faults(bom.read(files["port26.pkg/Bom"]), entries)
    yield from info_faults(files["port26.pkg/PackageInfo"], version, entries)
    yield from distribution_faults(files["Distribution"], version)
    if {(entry.path, stat.filemode(entry.mode)) for entry in scripts} != {
        (".", "drwxr-xr-x"),
        ("./preinstall", "-rwxr-xr-x"),
        ("./postinstall", "-rwxr-xr-x"),
    }:
        yield "it brings other scripts"
    content = {entry.path: entry.data for entry in entries}
    yield from agent_faults(plistlib.loads(content["./Library/LaunchAgents/org.port26.agent.plist"]))
    if content["./private/etc/paths.d/port26"].decode().strip() != PROGRAM[1:].rpartition("/")[0]:
        yield "the path for terminals is another"
    if plistlib.loads(content[IN_THE_APP + "Contents/Info.plist"])["CFBundleVersion"] != version:
        yield "the app has another version"


def lay_down(entries, folder):
    for entry in entries:
        path = folder / entry.path
        if entry.is_folder:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.write_bytes(entry.data)
            path.chmod(stat.S_IMODE(entry.mode))


def main():
    package, version, folder = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    try:
        files = archive.read_xar(package.read_bytes())
        entries = archive.read_cpio(files["port26.pkg/Payload"])
        scripts = archive.read_cpio(files["port26.pkg/Scripts"])
        found = list(faults(files, version, entries, scripts))
    except (ValueError, KeyError, OSError, EOFError, struct.error, zlib.error, ElementTree.ParseError) as error:
        found = [f"cannot be read: {error!r}"]
    for fault in found:
        print(f"{package.name}: {fault}", file=sys.stderr)
    if found:
        sys.exit(1)
    lay_down(entries, folder / "root")
    lay_down(scripts, folder / "scripts")
    print(f"{package.name}: {len(entries)} files and folders, Bom and Payload agree, version {version}")


if __name__ == "__main__":
    main()
