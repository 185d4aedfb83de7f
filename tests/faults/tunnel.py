"""tunnel.py listen|dial: one end of a VPN that hides nothing. Packets of tun0 travel in UDP over the cable."""

import fcntl
import select
import socket
import struct
import os
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
GATEWAY = ("192.0.2.1", 4500)


def main():
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
    cable = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer = GATEWAY
    if sys.argv[1] == "listen":
        cable.bind(GATEWAY)
        peer = None
    while True:
        for ready in select.select([tunnel, cable], [], [])[0]:
            if ready is cable:
                packet, peer = cable.recvfrom(65535)
                try:
                    os.write(tunnel, packet)
                except OSError:
                    pass  # the interface is not up yet
            else:
                packet = os.read(tunnel, 65535)
                if peer:
                    cable.sendto(packet, peer)


main()
