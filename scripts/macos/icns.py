#!/usr/bin/env python3
"""icns.py SVG OUT.icns: the icon in the sizes macOS asks for, drawn by rsvg-convert. The container is a list of PNGs,
each with the four letters that stand for its size (since OS X 10.7)."""

import pathlib
import struct
import subprocess
import sys

# for 16, 32, 128, 256 and 512 points, on plain displays and on those of double density
SIZES = {
    b"icp4": 16,
    b"ic11": 32,
    b"icp5": 32,
    b"ic12": 64,
    b"ic07": 128,
    b"ic13": 256,
    b"ic08": 256,
    b"ic14": 512,
    b"ic09": 512,
    b"ic10": 1024,
}


def png(svg, width):
    return subprocess.run(["rsvg-convert", "-w", str(width), "-h", str(width), svg], check=True, stdout=subprocess.PIPE).stdout


def main():
    svg, out = sys.argv[1:]
    images = {width: png(svg, width) for width in set(SIZES.values())}
    body = b"".join(kind + struct.pack(">I", 8 + len(images[width])) + images[width] for kind, width in SIZES.items())
    pathlib.Path(out).write_bytes(b"icns" + struct.pack(">I", 8 + len(body)) + body)


if __name__ == "__main__":
    main()
