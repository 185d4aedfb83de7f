"""The archives a flat package is made of: cpio ("odc", gzip'ed) for files and scripts, xar around everything. Written
from entries in memory, so that the same input gives the same bytes; read back by the checks."""

import dataclasses
import gzip
import hashlib
import stat
import struct
import time
import zlib
from xml.etree import ElementTree
from xml.sax.saxutils import escape


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file or folder: path from `.`, mode with its type, content of a file."""

    path: str
    mode: int
    uid: int
    gid: int
    time: int
    data: bytes = b""

    @property
    def is_folder(self):
        return stat.S_ISDIR(self.mode)


def write_cpio(entries):
    out = bytearray()
    closing = Entry("TRAILER!!!", 0, 0, 0, 0)
    for number, entry in enumerate([*entries, closing], 1):
        name = entry.path.encode() + b"\0"
        links = 2 if entry.is_folder else 1
        fields = (0, number if entry is not closing else 0, entry.mode, entry.uid, entry.gid, links, 0)
        out += b"070707" + b"".join(b"%06o" % field for field in fields)
        out += b"%011o%06o%011o" % (entry.time, len(name), len(entry.data)) + name + entry.data
    return gzip.compress(bytes(out), 9, mtime=0)


def read_cpio(packed):
    data, at, out = gzip.decompress(packed), 0, []
    while True:
        if data[at : at + 6] != b"070707":
            raise ValueError(f"no cpio entry at byte {at}")
        mode, uid, gid = (int(data[at + field : at + field + 6], 8) for field in (18, 24, 30))
        when, length, size = int(data[at + 48 : at + 59], 8), int(data[at + 59 : at + 65], 8), int(data[at + 65 : at + 76], 8)
        name = data[at + 76 : at + 76 + length - 1].decode()
        at += 76 + length
        if name == "TRAILER!!!":
            return out
        out.append(Entry(name, mode, uid, gid, when, data[at : at + size]))
        at += size


def write_xar(files, when):
    """files: {"folder/name": bytes}; stored as they are, which is what Apple's own tools do with what is packed already."""
    heap, number = [bytes(20)], 0

    def listed(prefix):
        nonlocal number
        out, names = "", sorted({path[len(prefix) :].split("/")[0] for path in files if path.startswith(prefix)})
        for name in names:
            number += 1
            path = prefix + name
            mode, kind = ("0644", "file") if path in files else ("0755", "directory")
            out += f'<file id="{number}"><name>{escape(name)}</name><type>{kind}</type><mode>{mode}</mode>'
            out += "<uid>0</uid><user>root</user><gid>0</gid><group>wheel</group>"
            if path in files:
                data = files[path]
                digest, offset = hashlib.sha1(data).hexdigest(), sum(map(len, heap))
                out += f"<data><length>{len(data)}</length><offset>{offset}</offset><size>{len(data)}</size>"
                out += '<encoding style="application/octet-stream"/>'
                out += f'<archived-checksum style="sha1">{digest}</archived-checksum>'
                out += f'<extracted-checksum style="sha1">{digest}</extracted-checksum></data>'
                heap.append(data)
            else:
                out += listed(path + "/")
            out += "</file>"
        return out

    made = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
    toc = f'<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><creation-time>{made}</creation-time>'
    toc += f'<checksum style="sha1"><offset>0</offset><size>20</size></checksum>{listed("")}</toc></xar>'
    packed = zlib.compress(toc.encode(), 9)
    heap[0] = hashlib.sha1(packed).digest()
    header = struct.pack(">4sHHQQI", b"xar!", 28, 1, len(packed), len(toc.encode()), 1)
    return header + packed + b"".join(heap)


def read_xar(data):
    """{"folder/name": bytes}, every checksum compared."""
    magic, header, _, packed, plain, kind = struct.unpack_from(">4sHHQQI", data)
    if magic != b"xar!" or kind != 1:
        raise ValueError("no xar archive with SHA-1 checksums")
    toc, heap = data[header : header + packed], header + packed
    if hashlib.sha1(toc).digest() != data[heap : heap + 20]:
        raise ValueError("the table of contents is not what its checksum says")
    text = zlib.decompress(toc)
    if len(text) != plain:
        raise ValueError("the table of contents has another length than the header says")
    files = {}

    def walk(element, prefix):
        for file in element.findall("file"):
            path = prefix + file.findtext("name")
            if file.findtext("type") == "directory":
                walk(file, path + "/")
                continue
            number = lambda name: int(file.findtext(f"data/{name}"))
            stored = data[heap + number("offset") :][: number("length")]
            if hashlib.sha1(stored).hexdigest() != file.findtext("data/archived-checksum"):
                raise ValueError(f"{path} is not what its checksum says")
            packed_file = "gzip" in file.find("data/encoding").get("style")
            files[path] = zlib.decompress(stored) if packed_file else stored
            if len(files[path]) != number("size"):
                raise ValueError(f"{path} has another size than is told")

    walk(ElementTree.fromstring(text).find("toc"), "")
    return files
