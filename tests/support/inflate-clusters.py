"""Inflates the compressed clusters of a qcow2 with zlib, like readers that keep only a window of 12 bits.

inflate-clusters.py IMAGE RAW; checks that each holds RAW's bytes, and prints how many there are.
"""

import os
import struct
import sys
import zlib

WINDOW_BITS = 12
PIECE = 1000
CLUSTER = 65536
# docs/interop/qcow2.txt: an entry's flags, and where the length of a compressed cluster starts
OFFSET = (1 << 56) - 512
COMPRESSED = 1 << 62
LENGTH_SHIFT = 62 - (16 - 8)


def inflate(stream):
    """All bytes of a stream, in pieces, because those make zlib look back into the window."""
    inflater = zlib.decompressobj(-WINDOW_BITS)
    output = b""
    while not inflater.eof:
        piece = inflater.decompress(stream, PIECE)
        stream = inflater.unconsumed_tail
        if not piece and not inflater.eof:
            raise zlib.error("the stream does not end")
        output += piece
    return output


def refuses(distance):
    """Whether a repetition at this distance is refused."""
    noise = os.urandom(distance)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = deflater.compress(noise + noise) + deflater.flush()
    try:
        return inflate(stream) != noise + noise
    except zlib.error:
        return True


def entries(image):
    """The second-level entries with the clusters that they map."""
    image.seek(36)
    (count,) = struct.unpack(">I", image.read(4))
    (offset,) = struct.unpack(">Q", image.read(8))
    image.seek(offset)
    first = struct.unpack(f">{count}Q", image.read(8 * count))
    for i, entry in enumerate(first):
        if entry & OFFSET:
            image.seek(entry & OFFSET)
            table = struct.unpack(">8192Q", image.read(CLUSTER))
            yield from ((i * 8192 + j, entry) for j, entry in enumerate(table))


def main(image, raw):
    if refuses(1 << WINDOW_BITS) or not refuses((1 << WINDOW_BITS) + 1):
        sys.exit("this zlib does not tell distances apart")
    count = 0
    for cluster, entry in list(entries(image)):
        if not entry & COMPRESSED:
            continue
        offset = entry & (1 << LENGTH_SHIFT) - 1
        sectors = (entry >> LENGTH_SHIFT) & 0xFF
        image.seek(offset)
        stream = image.read((sectors + 1) * 512 - offset % 512)
        raw.seek(cluster * CLUSTER)
        if inflate(stream) != raw.read(CLUSTER).ljust(CLUSTER, b"\0"):
            sys.exit(f"cluster {cluster} has other bytes")
        count += 1
    print(count)


with open(sys.argv[1], "rb") as image, open(sys.argv[2], "rb") as raw:
    main(image, raw)
