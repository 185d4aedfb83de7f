#!/usr/bin/env python3
"""stubs.py OUT [FRAMEWORKS.txt]: writes what a linker needs of macOS: text stubs (.tbd) that name the frameworks and
libraries of the system and the symbols the program takes from them. Nothing of Apple's is in them. Without a list the
stubs are empty: a link with `-undefined dynamic_lookup` against those tells which symbols a program wants
(`build-macos --symbols`)."""

import pathlib
import sys

FRAMEWORKS = "/System/Library/Frameworks/{0}.framework/Versions/A/{0}"
LIBRARIES = {
    "objc": "/usr/lib/libobjc.A.dylib",
    "iconv": "/usr/lib/libiconv.2.dylib",
    "resolv": "/usr/lib/libresolv.9.dylib",
}
# all that crates ask to be linked with; one that is asked for and not listed fails the link
KNOWN = ["CoreFoundation", "CoreServices", "Foundation", "IOKit", "OpenDirectory", "Security", "SystemConfiguration"]
# these carry another letter than A in their path
VERSION_C = {"Foundation"}
TARGETS = "[ x86_64-macos, arm64-macos ]"


def wanted(path):
    """The list: `[Framework]`, then one symbol a line, as C writes it; `#` starts a comment."""
    symbols, group = {}, None
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if line.startswith("["):
            group = line.strip("[]")
            if group not in KNOWN and group not in LIBRARIES:
                sys.exit(f"{path}:{number}: no stub is made for {group}: name it in {sys.argv[0]}")
            symbols.setdefault(group, set())
        elif line:
            if group is None:
                sys.exit(f"{path}:{number}: a symbol before the first [Framework]")
            symbols[group].add(line)
    return symbols


def stub(path, install_name, symbols):
    lines = [
        "--- !tapi-tbd",
        "tbd-version: 4",
        f"targets: {TARGETS}",
        f"install-name: '{install_name}'",
        "current-version: 1",
        "compatibility-version: 1",
    ]
    if symbols:
        names = ", ".join(f"'_{symbol}'" for symbol in sorted(symbols))
        lines += ["exports:", f"  - targets: {TARGETS}", f"    symbols: [ {names} ]"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "...", ""]))


def main():
    out = pathlib.Path(sys.argv[1])
    symbols = wanted(sys.argv[2]) if len(sys.argv) > 2 else {}
    for name in KNOWN:
        install_name = FRAMEWORKS.format(name)
        if name in VERSION_C:
            install_name = install_name.replace("/A/", "/C/")
        stub(out / f"System/Library/Frameworks/{name}.framework/{name}.tbd", install_name, symbols.get(name))
    for name, install_name in LIBRARIES.items():
        stub(out / f"usr/lib/lib{name}.tbd", install_name, symbols.get(name))


if __name__ == "__main__":
    main()
