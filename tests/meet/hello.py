"""The TLS versions that a program offers, read from its hello on the wire, also where nothing comes of it."""

import socket
import struct
import threading

VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
SUPPORTED_VERSIONS = 43


def offered(hello):
    """Oldest and newest version of a ClientHello, as far as it says: before TLS 1.3 only the newest stands in it."""
    if hello[:1] != b"\x16" or hello[5:6] != b"\x01":
        return None
    legacy = struct.unpack(">H", hello[9:11])[0]
    at = 43
    at += 1 + hello[at]
    at += 2 + struct.unpack(">H", hello[at : at + 2])[0]
    at += 1 + hello[at]
    end = at + 2 + struct.unpack(">H", hello[at : at + 2])[0]
    at += 2
    while at + 4 <= min(end, len(hello)):
        kind, length = struct.unpack(">HH", hello[at : at + 4])
        if kind == SUPPORTED_VERSIONS:
            listed = hello[at + 5 : at + 4 + length]
            known = sorted(v for v, in struct.iter_unpack(">H", listed) if v in VERSIONS)
            return f"{VERSIONS[known[0]]} to {VERSIONS[known[-1]]}"
        at += 4 + length
    return f"up to {VERSIONS.get(legacy, hex(legacy))}"


class Hellos:
    """Listens on the loopback, where all that is said to the hosts goes by."""

    def __init__(self):
        self.seen = []  # (address, port, what was offered)
        self.connections = []  # (address, port)
        self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._wire.bind(("lo", 0))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            packet, (_, _, kind, _, _) = self._wire.recvfrom(65535)
            if kind == socket.PACKET_OUTGOING or packet[9] != socket.IPPROTO_TCP:
                continue
            address = socket.inet_ntoa(packet[16:20])
            segment = packet[(packet[0] & 15) * 4 :]
            port = struct.unpack(">H", segment[2:4])[0]
            if segment[13] & 0x12 == 0x02:
                self.connections.append((address, port))
            data = segment[(segment[12] >> 4) * 4 :]
            try:
                versions = offered(data)
            except (IndexError, struct.error):
                continue
            if versions:
                self.seen.append((address, port, versions))
