"""A DNS server as a thread: addresses, mail exchangers and texts of the lab's names; everything else does not exist.
It can also keep silent, to all questions or to those of a kind, or give everybody one address."""

import socket
import struct
import threading

A, PTR, MX, TXT, AAAA = 1, 12, 15, 16, 28


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


class Names:
    """Records: {name: {"a": [..], "aaaa": [..], "mx": [..], "txt": [..]}}."""

    def __init__(self, address):
        self.records = {}
        self.silent = False
        self.never_answered = ()  # kinds of questions
        self.lie = None
        self.queries = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, sender = self._socket.recvfrom(4096)
            try:
                reply = self._answer(query)
            except (IndexError, struct.error):
                continue
            if reply and not self.silent:
                self._socket.sendto(reply, sender)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
            at += 1 + query[at]
        kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
        question = query[12 : at + 5]
        name = ".".join(labels)
        self.queries.append((name, kind))
        if kind in self.never_answered:
            return None
        known = self.records.get(name)
        data = []
        if self.lie:
            known, data = {}, [socket.inet_aton(self.lie)] if kind == A else []
        elif known is not None:
            if kind == A:
                data = [socket.inet_aton(one) for one in known.get("a", [])]
            elif kind == AAAA:
                data = [socket.inet_pton(socket.AF_INET6, one) for one in known.get("aaaa", [])]
            elif kind == MX:
                data = [struct.pack(">H", 10) + encode_name(one) for one in known.get("mx", [])]
            elif kind == TXT:
                data = [bytes([len(one)]) + one.encode() for one in known.get("txt", [])]
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(one)) + one for one in data)
        flags = 0x8580 if known is not None else 0x8583
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(data), 0, 0) + question + records
