"""Compares the disk in an image, as an independent reader sees it, with a raw file.

read-image READER FORMAT IMAGE RAW; the reader is "dissect" or "libyal". scripts/readers installs it.
"""

import os
import sys
from pathlib import Path

PIECE = 1 << 20


def dissect(form, path):
    from dissect.hypervisor.disk import qcow2, vhd, vhdx, vmdk

    if form in ("qcow2", "qcow2-zstd", "qcow2-plain"):
        disk = qcow2.QCow2(path)
        return disk.open(), disk.size
    if form in ("vmdk", "vmdk-sparse"):
        disk = vmdk.VMDK(path)
    elif form in ("vhd", "vhd-dynamic"):
        disk = vhd.VHD(path.open("rb"))
    elif form == "vhdx":
        disk = vhdx.VHDX(path)
    else:
        sys.exit(f"dissect does not read {form}")
    return disk, disk.size


def libyal(form, path):
    if form in ("vhd", "vhd-dynamic", "vhdx"):
        import pyvhdi

        disk = pyvhdi.file()
        disk.open(str(path))
    elif form in ("vmdk", "vmdk-sparse"):
        import pyvmdk

        disk = pyvmdk.handle()
        disk.open(str(path))
        disk.open_extent_data_files_as_file_objects([path.open("rb")])
    else:
        sys.exit(f"libyal does not read {form}")
    return disk, disk.get_media_size()


def main():
    reader, form, image, raw = sys.argv[1:]
    disk, size = {"dissect": dissect, "libyal": libyal}[reader](form, Path(image))
    with open(raw, "rb") as file:
        expected = os.fstat(file.fileno()).st_size
        if size != expected:
            sys.exit(f"{image}: {reader} finds {size} bytes, and {raw} has {expected}")
        for offset in range(0, expected, PIECE):
            disk.seek(offset)
            if disk.read(min(PIECE, expected - offset)) != file.read(PIECE):
                sys.exit(f"{image}: {reader} finds other bytes than {raw} between {offset} and {offset + PIECE}")


main()
