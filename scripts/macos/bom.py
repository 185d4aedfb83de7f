"""The bill of materials of a package: which files it lays down, with modes, owners, sizes and checksums. A store of
numbered blocks with named trees; the shape is known from other people's readers (bomutils, apple-bom) and real files,
Apple never wrote it down. Checksums are those of POSIX cksum."""

import struct
import subprocess

from archive import Entry

FOLDER, FILE = 2, 1
NODE = 4096
PATHS_IN_NODE = 256


def checksum(data):
    """As POSIX cksum counts it, which is quicker than Python by far."""
    return int(subprocess.run(["cksum"], input=data, stdout=subprocess.PIPE, check=True).stdout.split()[0])


def breadth_first(entries):
    """(number, number of the parent, name, entry): the trees are sorted by parent and name."""
    inside = {}
    for entry in entries:
        if entry.path != ".":
            inside.setdefault(entry.path.rpartition("/")[0], []).append(entry)
    root = next(entry for entry in entries if entry.path == ".")
    out = [(1, 0, ".", root)]
    for number, _, _, entry in out:  # grows while it is walked
        for child in sorted(inside.get(entry.path, []), key=lambda child: child.path.encode()):
            out.append((len(out) + 1, number, child.path.rpartition("/")[2], child))
    if len(out) != len(entries):
        raise ValueError("a file without its folder")
    return out


def write(entries):
    blocks = [b""]  # block 0 stays empty

    def add(data):
        blocks.append(data)
        return len(blocks) - 1

    def tree(child, node_size, count):
        return add(b"tree" + struct.pack(">IIIIB", 1, child, node_size, count, 0))

    def empty_tree(node_size):
        return tree(add(struct.pack(">HHII", 1, 0, 0, 0).ljust(node_size, b"\0")), node_size, 0)

    rows = breadth_first(entries)
    info = add(struct.pack(">III", 1, len(rows) + 1, 0))
    pairs = []
    for number, parent, name, entry in rows:
        kind = FOLDER if entry.is_folder else FILE
        record = struct.pack(
            ">BBHHIIIIBII",
            *(kind, 1, 15, entry.mode, entry.uid, entry.gid, entry.time, len(entry.data), 1),
            *(checksum(entry.data) if kind == FILE else 0, 0),
        )
        record += bytes(4) if kind == FILE else b""
        value = add(struct.pack(">II", number, add(record)))
        pairs.append((value, add(struct.pack(">I", parent) + name.encode() + b"\0")))
    if len(pairs) > PATHS_IN_NODE:
        raise ValueError("more files than one node of the tree holds: write inner nodes before shipping this many")
    leaf = struct.pack(">HHII", 1, len(pairs), 0, 0) + b"".join(struct.pack(">II", *pair) for pair in pairs)
    paths = tree(add(leaf.ljust(NODE, b"\0")), NODE, len(pairs))
    names = [("BomInfo", info), ("Paths", paths), ("HLIndex", empty_tree(NODE))]
    names += [("VIndex", add(struct.pack(">IIIB", 1, empty_tree(128), 0, 0))), ("Size64", empty_tree(NODE))]

    table = struct.pack(">I", len(names))
    table += b"".join(struct.pack(">IB", block, len(name)) + name.encode() for name, block in names)
    content, places = b"", []
    for block in blocks:
        places.append((512 + len(content) if block else 0, len(block)))
        content += block
    index = struct.pack(">I", len(blocks)) + b"".join(struct.pack(">II", *place) for place in places)
    index += struct.pack(">5I", 2, 0, 0, 0, 0)  # the list of free blocks
    names_at = 512 + len(content)
    header = (b"BOMStore", 1, len(blocks) - 1, names_at + len(table), len(index), names_at, len(table))
    return struct.pack(">8s6I", *header).ljust(512, b"\0") + content + table + index


def read(data):
    """[(Entry without content, size, checksum)], in the order of the tree."""
    magic, version, _, index, _, names_at, _ = struct.unpack_from(">8s6I", data)
    if magic != b"BOMStore" or version != 1:
        raise ValueError("no bill of materials")
    count = struct.unpack_from(">I", data, index)[0]
    places = [struct.unpack_from(">II", data, index + 4 + 8 * number) for number in range(count)]
    block = lambda number: data[places[number][0] : sum(places[number])]
    names, at = {}, names_at + 4
    for _ in range(struct.unpack_from(">I", data, names_at)[0]):
        number, length = struct.unpack_from(">IB", data, at)
        names[data[at + 5 : at + 5 + length].decode()] = number
        at += 5 + length
    node = block(struct.unpack_from(">I", block(names["Paths"]), 8)[0])
    while struct.unpack_from(">H", node)[0] == 0:
        node = block(struct.unpack_from(">I", node, 12)[0])
    paths, out = {0: ""}, []
    while True:
        _, count, following, _ = struct.unpack_from(">HHII", node)
        for place in range(count):
            value, key = (block(number) for number in struct.unpack_from(">II", node, 12 + 8 * place))
            number, record = struct.unpack_from(">II", value)
            parent, name = struct.unpack_from(">I", key)[0], key[4:].split(b"\0")[0].decode()
            paths[number] = f"{paths[parent]}/{name}" if parent else name
            fields = struct.unpack_from(">BBHHIIIIBII", block(record))
            kind, _, _, mode, uid, gid, when, size, _, sum_, _ = fields
            out.append((Entry(paths[number], mode, uid, gid, when), size, sum_))
        if not following:
            return out
        node = block(following)
