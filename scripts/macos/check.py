#!/usr/bin/env python3
"""check.py program FILE | app DIR: says what is in a program or an app for macOS, and fails on anything
that is not as port26 ships it. What it cannot tell: whether a Mac starts it."""

import hashlib
import pathlib
import plistlib
import struct
import sys

import macho
import sign

OLDEST_SYSTEM = "12.0"
SYSTEM = ("/usr/lib/", "/System/Library/Frameworks/")
ENTITLEMENTS = {"com.apple.security.automation.apple-events": True}
PROCESSORS = ["arm64", "x86_64"]


def signature_faults(one, info_plist, resources):
    signature = one.signature()
    if signature is None:
        yield "not signed"
        return
    offset, size = struct.unpack_from("<II", one.data, one.find(macho.LC_CODE_SIGNATURE)[0] + 8)
    limit, page = signature.code_limit, signature.page_size
    if limit != offset:
        yield f"signed are {limit} bytes of {offset}"
    if len(signature.pages) != -(-limit // page):
        yield f"{len(signature.pages)} page hashes for {limit} bytes"
    for number, known in enumerate(signature.pages):
        if signature.digest(one.data[number * page : min((number + 1) * page, limit)]) != known:
            yield f"page {number} (from byte {number * page}) is not what was signed"
    if signature.hash_name != "sha256":
        yield f"hashed with {signature.hash_name}"
    if signature.identifier != sign.IDENTIFIER:
        yield f"the identifier is {signature.identifier}"
    if not signature.flags & macho.FLAG_RUNTIME or not signature.runtime:
        yield "without the hardened runtime"
    if signature.entitlements != ENTITLEMENTS:
        yield f"the entitlements are {signature.entitlements}"
    wanted = {slot: data for slot, data in signature.blobs.items() if 0 < slot <= sign.SPECIAL_SLOTS}
    wanted |= {slot: data for slot, data in ((macho.INFO_PLIST, info_plist), (macho.RESOURCES, resources)) if data}
    for slot in sorted(set(wanted) | set(signature.special)):
        if slot not in wanted or signature.special.get(slot) != signature.digest(wanted[slot]):
            yield f"special slot {slot} is not what was signed"
    if macho.SLOT_REQUIREMENTS not in wanted or macho.SLOT_DER not in wanted:
        yield "requirements or entitlements are missing in the signature"
    elif wanted[macho.SLOT_DER][8:] != sign.entitlements_der(ENTITLEMENTS):
        yield "the two forms of the entitlements differ"
    at, _, in_memory, start, in_file = one.segment("__LINKEDIT")
    if start + in_file != offset + size or offset + size != len(one.data) or in_memory < in_file:
        yield "the signature is not the end of __LINKEDIT and of the slice"


def program_faults(data, info_plist=None, resources=None):
    slices = macho.read(data)
    if [one.cpu for one in slices] != PROCESSORS:
        yield f"made for {', '.join(one.cpu for one in slices)}"
    for one in slices:
        for fault in slice_faults(one, info_plist, resources):
            yield f"{one.cpu}: {fault}"


def slice_faults(one, info_plist, resources):
    if one.kind != macho.EXECUTE:
        yield f"no program, but a file of type {one.kind}"
    if one.minimum != (macho.PLATFORM_MACOS, OLDEST_SYSTEM):
        yield f"made for (platform, oldest system) {one.minimum}"
    for library in one.libraries:
        if not library.startswith(SYSTEM) or ".." in library:
            yield f"wants {library}, which is not the system's"
    if one.search_paths:
        yield f"looks for libraries in {', '.join(one.search_paths)}"
    for symbol, ordinal in one.undefined():
        if not 1 <= ordinal <= len(one.libraries):
            yield f"takes {symbol} from no library it names"
    yield from signature_faults(one, info_plist, resources)


def app_faults(app):
    contents = app / "Contents"
    info_bytes = (contents / "Info.plist").read_bytes()
    info = plistlib.loads(info_bytes)
    sealed_bytes = (contents / "_CodeSignature/CodeResources").read_bytes()
    program = contents / "MacOS" / info["CFBundleExecutable"]
    for key, value in {
        "CFBundleIdentifier": sign.IDENTIFIER,
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": info.get("CFBundleVersion"),
        "LSMinimumSystemVersion": OLDEST_SYSTEM,
        "LSUIElement": True,
    }.items():
        if info.get(key) != value or value is None:
            yield f"Info.plist: {key} is {info.get(key)!r}"
    if len(info.get("NSAppleEventsUsageDescription", "")) < 20:
        yield "Info.plist: NSAppleEventsUsageDescription does not say what for"
    icon = contents / "Resources" / f"{info.get('CFBundleIconFile')}.icns"
    yield from icon_faults(icon.read_bytes()) if icon.is_file() else ["the icon that Info.plist names is not there"]
    if not program.stat().st_mode & 0o111:
        yield f"{program.name} may not be run"
    yield from sealed_faults(contents, plistlib.loads(sealed_bytes), program)
    yield from program_faults(program.read_bytes(), info_bytes, sealed_bytes)


def sealed_faults(contents, seal, program):
    """Every file is sealed in both ways, except those that the program's signature covers itself."""
    apart = {"Info.plist", "_CodeSignature/CodeResources", program.relative_to(contents).as_posix()}
    files = {path.relative_to(contents).as_posix(): path for path in contents.rglob("*") if not path.is_dir()}
    there = set(files) - apart
    for name in sorted(there ^ set(seal["files2"])):
        yield f"{name}: {'not sealed' if name in there else 'sealed, and not there'}"
    for name in sorted(there & set(seal["files2"])):
        data = files[name].read_bytes()
        if seal["files2"][name]["hash2"] != hashlib.sha256(data).digest():
            yield f"{name} is not what was sealed"
        if name.startswith("Resources/") and seal["files"].get(name) != hashlib.sha1(data).digest():
            yield f"{name} is not what was sealed for older systems"


def icon_faults(data):
    magic, length = struct.unpack_from(">4sI", data)
    if magic != b"icns" or length != len(data):
        yield "the icon is no .icns, or cut off"
        return
    at, widths = 8, set()
    while at < length:
        kind, size = struct.unpack_from(">4sI", data, at)
        image = data[at + 8 : at + size]
        if image[:8] != b"\x89PNG\r\n\x1a\n":
            yield f"the icon's {kind.decode()} is no PNG"
        widths.add(struct.unpack_from(">I", image, 16)[0])
        at += size
    if not {16, 32, 128, 256, 512, 1024} <= widths:
        yield f"the icon has only the widths {sorted(widths)}"


def main():
    what, path = sys.argv[1], pathlib.Path(sys.argv[2])
    try:
        faults = list(program_faults(path.read_bytes()) if what == "program" else app_faults(path))
    except (macho.Malformed, struct.error, ValueError, KeyError, OSError) as error:
        faults = [f"cannot be read: {error!r}"]
    for fault in faults:
        print(f"{path.name}: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    program = path if what == "program" else next((path / "Contents/MacOS").iterdir())
    for one in macho.read(program.read_bytes()):
        signature = one.signature()
        kind = "ad hoc" if signature.flags & macho.FLAG_ADHOC else f"by team {signature.team}"
        print(f"{program.name}, {one.cpu}: macOS {one.minimum[1]} or later, {len(one.data) >> 10} KiB, signed {kind}, "
              f"hardened runtime, {len(signature.pages)} pages right, {len(one.libraries)} libraries, all the system's")


if __name__ == "__main__":
    main()
