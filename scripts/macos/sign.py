#!/usr/bin/env python3
"""sign.py program IN.. OUT | app DIR: signs ad hoc, with the hardened runtime and our entitlements.

Of the programs for single processors it makes one universal program; of an app it writes Contents/_CodeSignature and
signs the program in it together with Info.plist and the sealed resources. An ad hoc signature names nobody: it is what
Apple silicon asks of every program that is to run at all. With a certificate build-macos takes rcodesign instead,
which would be built for minutes in every test run; the shapes are those that rcodesign and codesign write."""

import hashlib
import pathlib
import plistlib
import re
import struct
import sys

import macho

IDENTIFIER = "org.port26"
ENTITLEMENTS = pathlib.Path(__file__).resolve().parents[2] / "installer/macos/entitlements.plist"
PAGE = 4096
DIRECTORY_VERSION = 0x20500  # the first with a place for the runtime version
DIRECTORY_HEADER = 96
SPECIAL_SLOTS = 7
MAIN_BINARY = 1


def blob(magic, body):
    return struct.pack(">II", magic, 8 + len(body)) + body


def der(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def entitlements_der(entitlements):
    """The second form of entitlements, which newer systems read: version 1, then pairs of name and value by name."""
    pairs = b""
    for name, value in sorted(entitlements.items()):
        if not isinstance(value, bool):
            sys.exit(f"{ENTITLEMENTS}: {name}: only true and false can be signed here")
        pairs += der(0x30, der(0x0C, name.encode()) + der(0x01, b"\xff" if value else b"\0"))
    return der(0x70, der(0x02, b"\1") + der(0xB0, pairs))


def make_room(data):
    """The slice without a signature, and where its new one is to begin (a multiple of 16)."""
    one = macho.read_slice(data)
    data = bytearray(data)
    found = one.find(macho.LC_CODE_SIGNATURE)
    if found:
        start = struct.unpack_from("<I", data, found[0] + 8)[0]
        del data[start:]
    else:
        if one.header_end + 16 > one.first_content:
            sys.exit(f"{one.cpu}: no room in the header for a signature: link with -headerpad")
        struct.pack_into("<II", data, one.header_end, macho.LC_CODE_SIGNATURE, 16)
        count, size = struct.unpack_from("<II", data, 16)
        struct.pack_into("<II", data, 16, count + 1, size + 16)
    data += b"\0" * (-len(data) % 16)
    return data


def sign_slice(data, entitlements_xml, info_plist=b"", resources=b""):
    """One slice with its signature at its end."""
    data = make_room(data)
    limit = len(data)
    pages = -(-limit // PAGE)
    name = IDENTIFIER.encode() + b"\0"
    first_hash = DIRECTORY_HEADER + len(name) + 32 * SPECIAL_SLOTS
    others = {
        macho.SLOT_REQUIREMENTS: blob(macho.REQUIREMENTS, struct.pack(">I", 0)),
        macho.SLOT_ENTITLEMENTS: blob(macho.ENTITLEMENTS, entitlements_xml),
        macho.SLOT_DER: blob(macho.ENTITLEMENTS_DER, entitlements_der(plistlib.loads(entitlements_xml))),
        macho.SLOT_CMS: blob(macho.CMS, b""),
    }
    directory_size = first_hash + 32 * pages
    index_size = 12 + 8 * (1 + len(others))
    size = index_size + directory_size + sum(map(len, others.values()))

    # the header is hashed too, so it says first how long the signature will be
    one = macho.read_slice(bytes(data) + b"\0" * size)
    command, _ = one.find(macho.LC_CODE_SIGNATURE)
    struct.pack_into("<II", data, command + 8, limit, size)
    at, address, _, offset, _ = one.segment("__LINKEDIT")
    in_file = limit + size - offset
    struct.pack_into("<QQQQ", data, at + 24, address, -(-in_file // 0x4000) * 0x4000, offset, in_file)

    _, _, _, text_offset, text_size = one.segment("__TEXT")
    build, _ = one.find(macho.LC_BUILD_VERSION)
    oldest, sdk = struct.unpack_from("<II", data, build + 12)
    special = {slot: hashlib.sha256(other).digest() for slot, other in others.items() if slot <= SPECIAL_SLOTS}
    if info_plist:
        special[macho.INFO_PLIST] = hashlib.sha256(info_plist).digest()
    if resources:
        special[macho.RESOURCES] = hashlib.sha256(resources).digest()
    directory = struct.pack(
        ">9I4B4IQQQQII",
        *(macho.DIRECTORY, directory_size, DIRECTORY_VERSION, macho.FLAG_ADHOC | macho.FLAG_RUNTIME),
        *(first_hash, DIRECTORY_HEADER, SPECIAL_SLOTS, pages, limit),
        *(32, 2, 0, PAGE.bit_length() - 1),  # SHA-256
        *(0, 0, 0, 0, 0),  # spare, no scatter, no team, spare, the limit needs no 64 bits
        *(text_offset, text_size, MAIN_BINARY, sdk or oldest, 0),
    )
    directory += name
    directory += b"".join(special.get(slot, bytes(32)) for slot in range(SPECIAL_SLOTS, 0, -1))
    directory += b"".join(hashlib.sha256(data[start : start + PAGE]).digest() for start in range(0, limit, PAGE))

    index, body = struct.pack(">III", macho.SUPERBLOB, size, 1 + len(others)), b""
    for slot, part in [(macho.SLOT_DIRECTORY, directory), *others.items()]:
        index += struct.pack(">II", slot, index_size + len(body))
        body += part
    return bytes(data) + index + body


# Which files of an app are sealed and how: codesign's own rules, the newer of which hold since OS X 10.9.
OPTIONAL = {"optional": True, "weight": 1000.0}
RULES = {
    r"^Resources/": True,
    r"^Resources/.*\.lproj/": OPTIONAL,
    r"^Resources/.*\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    r"^Resources/Base\.lproj/": {"weight": 1010.0},
    r"^version.plist$": True,
}
RULES2 = {
    r".*\.dSYM($|/)": {"weight": 11.0},
    r"^(.*/)?\.DS_Store$": {"omit": True, "weight": 2000.0},
    r"^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/": {
        "nested": True,
        "weight": 10.0,
    },
    r"^.*": True,
    r"^Info\.plist$": {"omit": True, "weight": 20.0},
    r"^PkgInfo$": {"omit": True, "weight": 20.0},
    r"^Resources/": {"weight": 20.0},
    r"^Resources/.*\.lproj/": OPTIONAL,
    r"^Resources/.*\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    r"^Resources/Base\.lproj/": {"weight": 1010.0},
    r"^[^/]+$": {"nested": True, "weight": 10.0},
    r"^embedded\.provisionprofile$": {"weight": 20.0},
    r"^version\.plist$": {"weight": 20.0},
}


def rule_for(path, rules):
    """The rule that counts for a file: of those that match, the one of most weight."""
    weight = lambda rule: rule.get("weight", 1.0) if isinstance(rule, dict) else 1.0
    matching = [rule for pattern, rule in rules.items() if re.match(pattern, path)]
    found = max(matching, key=weight, default=None)
    return found if isinstance(found, dict) else ({} if found else None)


def sealed(contents):
    """CodeResources: the hashes of all files beside the program."""
    old, new = {}, {}
    for path in sorted(contents.rglob("*")):
        name = path.relative_to(contents).as_posix()
        if name.startswith(("_CodeSignature/", "MacOS/")) or path.is_dir():
            continue
        if path.is_symlink():
            sys.exit(f"{path}: links are not sealed here")
        data = path.read_bytes()
        rule = rule_for(name, RULES)
        if rule is not None and not rule.get("omit"):
            old[name] = hashlib.sha1(data).digest()
        rule = rule_for(name, RULES2)
        if rule is not None and not rule.get("omit"):
            if rule.get("nested"):
                sys.exit(f"{path}: codesign expects signed code here, not a file")
            new[name] = {"hash2": hashlib.sha256(data).digest()}
    return plistlib.dumps({"files": old, "files2": new, "rules": RULES, "rules2": RULES2})


def main():
    entitlements = ENTITLEMENTS.read_bytes()
    if sys.argv[1] == "program":
        parts = [sign_slice(pathlib.Path(name).read_bytes(), entitlements) for name in sys.argv[2:-1]]
        out, resources = pathlib.Path(sys.argv[-1]), None
    else:
        contents = pathlib.Path(sys.argv[2]) / "Contents"
        info = (contents / "Info.plist").read_bytes()
        resources = sealed(contents)
        out = contents / "MacOS" / plistlib.loads(info)["CFBundleExecutable"]
        slices = macho.read(out.read_bytes())
        parts = [sign_slice(one.data, entitlements, info, resources) for one in slices]
        (contents / "_CodeSignature").mkdir(exist_ok=True)
        (contents / "_CodeSignature/CodeResources").write_bytes(resources)
    out.write_bytes(macho.join(parts))
    out.chmod(0o755)


if __name__ == "__main__":
    main()
