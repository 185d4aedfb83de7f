"""Reads programs for macOS: the universal header, load commands and the embedded code signature of Mach-O files.
Shapes are those of <mach-o/loader.h>, <mach-o/fat.h> and xnu's <kern/cs_blobs.h>. It reads, and judges nothing:
check.py does."""

import dataclasses
import hashlib
import plistlib
import struct

FAT_MAGIC = 0xCAFEBABE
MACHO_64 = 0xFEEDFACF
CPUS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
EXECUTE = 2
LC_SYMTAB, LC_SEGMENT_64, LC_CODE_SIGNATURE, LC_BUILD_VERSION = 0x2, 0x19, 0x1D, 0x32
LC_LOADS = {0xC, 0x80000018, 0x8000001F, 0x80000023}  # dylib, weak, re-exported, upward
LC_RPATH = 0x8000001C
PLATFORM_MACOS = 1

# the parts of a signature
SUPERBLOB, DIRECTORY, REQUIREMENTS = 0xFADE0CC0, 0xFADE0C02, 0xFADE0C01
ENTITLEMENTS, ENTITLEMENTS_DER, CMS = 0xFADE7171, 0xFADE7172, 0xFADE0B01
SLOT_DIRECTORY, SLOT_REQUIREMENTS, SLOT_ENTITLEMENTS, SLOT_DER, SLOT_CMS = 0, 2, 5, 7, 0x10000
# what the directory holds hashes of beside pages, as negative slots
INFO_PLIST, RESOURCES = 1, 3
FLAG_ADHOC, FLAG_RUNTIME = 0x2, 0x10000


class Malformed(Exception):
    """The file is not what it says it is."""


@dataclasses.dataclass
class Signature:
    """One code directory with what it vouches for."""

    identifier: str
    team: str | None
    flags: int
    runtime: int
    code_limit: int
    page_size: int
    pages: list
    special: dict  # slot number -> hash, where there is one
    blobs: dict  # slot number in the superblob -> bytes, header included
    hash_name: str

    def digest(self, data):
        return hashlib.new(self.hash_name, data).digest()

    @property
    def entitlements(self):
        blob = self.blobs.get(SLOT_ENTITLEMENTS)
        return plistlib.loads(blob[8:]) if blob else {}


@dataclasses.dataclass
class Slice:
    """The program for one processor."""

    cpu: str
    data: bytes
    kind: int
    commands: list  # (command, offset, size)
    header_end: int
    first_content: int  # where the first section's bytes begin

    def find(self, command):
        return next(((at, size) for known, at, size in self.commands if known == command), None)

    def text(self, at, size, field):
        start = at + struct.unpack_from("<I", self.data, at + field)[0]
        return self.data[start : at + size].split(b"\0")[0].decode()

    @property
    def libraries(self):
        return [self.text(at, size, 8) for known, at, size in self.commands if known in LC_LOADS]

    @property
    def search_paths(self):
        return [self.text(at, size, 8) for known, at, size in self.commands if known == LC_RPATH]

    @property
    def minimum(self):
        """(platform, oldest system as text), or None where it is not told."""
        found = self.find(LC_BUILD_VERSION)
        if not found:
            return None
        platform, oldest = struct.unpack_from("<II", self.data, found[0] + 8)
        return platform, f"{oldest >> 16}.{oldest >> 8 & 255}"

    def segment(self, name):
        """(offset of the command, address, size in memory, offset in the file, size in the file)"""
        for known, at, _ in self.commands:
            if known == LC_SEGMENT_64 and self.data[at + 8 : at + 24].rstrip(b"\0").decode() == name:
                return at, *struct.unpack_from("<QQQQ", self.data, at + 24)
        raise Malformed(f"{self.cpu}: no segment {name}")

    def undefined(self):
        """(symbol, library ordinal) of what is taken from libraries; ordinal 254 is looked up when it runs."""
        found = self.find(LC_SYMTAB)
        if not found:
            return []
        table, count, strings, _ = struct.unpack_from("<IIII", self.data, found[0] + 8)
        out = []
        for number in range(count):
            name, kind, _, description, _ = struct.unpack_from("<IBBHQ", self.data, table + 16 * number)
            if kind & 0xE0 == 0 and kind & 0x0E == 0 and kind & 1:
                start = strings + name
                out.append((self.data[start : self.data.index(b"\0", start)].decode(), description >> 8))
        return sorted(out)

    def signature(self):
        found = self.find(LC_CODE_SIGNATURE)
        if not found:
            return None
        offset, size = struct.unpack_from("<II", self.data, found[0] + 8)
        if offset + size > len(self.data):
            raise Malformed(f"{self.cpu}: the signature lies beyond the end")
        return read_signature(self.data[offset : offset + size])


def read_signature(data):
    magic, length, count = struct.unpack_from(">III", data)
    if magic != SUPERBLOB or length > len(data):
        raise Malformed("no signature where one is announced")
    blobs = {}
    for number in range(count):
        slot, offset = struct.unpack_from(">II", data, 12 + 8 * number)
        size = struct.unpack_from(">I", data, offset + 4)[0]
        blobs[slot] = data[offset : offset + size]
    directory = blobs.get(SLOT_DIRECTORY)
    if directory is None:
        raise Malformed("a signature without a code directory")
    magic, size, version, flags, hashes, name, special, pages, limit = struct.unpack_from(">9I", directory)
    hash_size, hash_type, _, page_bits = struct.unpack_from(">4B", directory, 36)
    if magic != DIRECTORY or hash_type not in (1, 2):
        raise Malformed("a code directory of unknown shape")
    team = struct.unpack_from(">I", directory, 48)[0] if version >= 0x20200 else 0
    text = lambda at: directory[at : directory.index(b"\0", at)].decode()
    hash_at = lambda slot: directory[hashes + slot * hash_size : hashes + (slot + 1) * hash_size]
    return Signature(
        identifier=text(name),
        team=text(team) if team else None,
        flags=flags,
        runtime=struct.unpack_from(">I", directory, 88)[0] if version >= 0x20500 else 0,
        code_limit=limit,
        page_size=1 << page_bits,
        pages=[hash_at(slot) for slot in range(pages)],
        special={slot: hash_at(-slot) for slot in range(1, special + 1) if any(hash_at(-slot))},
        blobs=blobs,
        hash_name={1: "sha1", 2: "sha256"}[hash_type],
    )


def read_slice(data):
    magic, cpu, _, kind, count, size, _ = struct.unpack_from("<7I", data)
    if magic != MACHO_64:
        raise Malformed(f"no 64-bit Mach-O: it begins with {data[:4].hex()}")
    commands, at, first = [], 32, len(data)
    for _ in range(count):
        command, length = struct.unpack_from("<II", data, at)
        commands.append((command, at, length))
        if command == LC_SEGMENT_64:
            for number in range(struct.unpack_from("<I", data, at + 64)[0]):
                bytes_in_file, offset = struct.unpack_from("<QI", data, at + 72 + 80 * number + 40)
                if offset and bytes_in_file:
                    first = min(first, offset)
        at += length
    if at != 32 + size:
        raise Malformed("the load commands are not as long as the header says")
    return Slice(CPUS.get(cpu, hex(cpu)), data, kind, commands, at, first)


def read(data):
    """All slices of a program, universal or not."""
    if struct.unpack_from(">I", data)[0] != FAT_MAGIC:
        return [read_slice(data)]
    out = []
    for number in range(struct.unpack_from(">I", data, 4)[0]):
        cpu, _, offset, size, align = struct.unpack_from(">5I", data, 8 + 20 * number)
        if offset % (1 << align) or offset + size > len(data):
            raise Malformed("a slice of the universal program is misplaced")
        one = read_slice(data[offset : offset + size])
        if one.cpu != CPUS.get(cpu):
            raise Malformed(f"the universal header says {CPUS.get(cpu, hex(cpu))} of a slice for {one.cpu}")
        out.append(one)
    return out


def join(parts):
    """Slices as one universal program. Each begins at a page of 16 KiB, the largest of both processors."""
    align = 14
    numbers = {name: number for number, name in CPUS.items()}
    header = struct.pack(">II", FAT_MAGIC, len(parts))
    body, offset = b"", 1 << align
    for data in parts:
        one = read_slice(data)
        subtype = struct.unpack_from("<I", data, 8)[0]
        header += struct.pack(">5I", numbers[one.cpu], subtype, offset, len(data), align)
        padding = -len(data) % (1 << align)
        body += data + b"\0" * padding
        offset += len(data) + padding
    end = len(body) - padding if parts else 0
    return header.ljust(1 << align, b"\0") + body[:end]
