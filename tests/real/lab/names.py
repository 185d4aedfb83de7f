"""names.py ADDRESS HOSTS: a DNS server for the names in a hosts file; each domain's mail exchanger is the first
name of its line. Every other name does not exist, so that a made-up name is told from a real one."""

import socket
import struct
import sys

A, MX, AAAA = 1, 15, 28


def read_hosts(path):
    hosts = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            address, *names = line.split()
            for name in names:
                hosts[name] = (address, names[0])
    return hosts


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def answer(query, hosts):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
    question = query[12 : at + 5]
    known = hosts.get(".".join(labels))
    data = None
    if known and kind == A:
        data = socket.inet_aton(known[0])
    elif known and kind == MX:
        data = struct.pack(">H", 10) + encode_name(known[1])
    records = b"" if data is None else b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
    flags = 0x8580 if known else 0x8583
    return query[:2] + struct.pack(">HHHHH", flags, 1, 1 if records else 0, 0, 0) + question + records


def main():
    hosts = read_hosts(sys.argv[2])
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    while True:
        query, sender = server.recvfrom(4096)
        try:
            server.sendto(answer(query, hosts), sender)
        except (IndexError, struct.error) as error:
            print("unreadable query:", error, flush=True)


main()
