"""Reads an OVA with programs that contain no line of ours, and prints what they found as JSON.

tarfile finds the members, expat parses the description, and dissect.hypervisor finds the disk through the
description and reads it; the raw disk, if one is given, must be equal to it.
"""

import io
import json
import sys
import tarfile
import xml.etree.ElementTree as ElementTree

from dissect.hypervisor.descriptor.ovf import OVF
from dissect.hypervisor.disk.vmdk import VMDK

ENVELOPE = "{http://schemas.dmtf.org/ovf/envelope/1}"
CIM = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_%sSettingData}"
RASD = CIM % "ResourceAllocation"
VMWARE = "{http://www.vmware.com/schema/ovf}"
STEP = 1 << 20


def equal(disk, raw):
    disk.seek(0)
    while True:
        expected = raw.read(STEP)
        if disk.read(len(expected) or 1) != expected:
            return False
        if not expected:
            return True


def only(element, path):
    found = element.findall(path)
    assert len(found) == 1, f"{path}: {len(found)}"
    return found[0]


def describe(text):
    root = ElementTree.fromstring(text)
    assert root.tag == ENVELOPE + "Envelope", root.tag
    # the schema's order: references, sections, one system
    order = [child.tag.removeprefix(ENVELOPE) for child in root]
    assert order == ["References", "DiskSection", "NetworkSection", "VirtualSystem"], order
    system = root[3]
    for section in [*root[1:3], *system]:
        if section.tag.endswith("Section"):
            assert section[0].tag == ENVELOPE + "Info", section.tag
    product = only(system, ENVELOPE + "ProductSection")
    hardware = only(system, ENVELOPE + "VirtualHardwareSection")
    items = [{field.tag.removeprefix(RASD): field.text for field in item}
             for item in hardware.findall(ENVELOPE + "Item")]
    numbers = [item["InstanceID"] for item in items]
    assert len(set(numbers)) == len(numbers), numbers
    assert all(item["Parent"] in numbers for item in items if "Parent" in item), items
    networks = [network.get(ENVELOPE + "name") for network in root[2][1:]]
    assert all(item["Connection"] in networks for item in items if "Connection" in item), items
    os = only(system, ENVELOPE + "OperatingSystemSection")
    # DSP8023's sequence of a product section, before its properties
    sequence = ["Info", "Product", "Vendor", "Version", "FullVersion", "ProductUrl", "VendorUrl", "AppUrl"]
    told = [child.tag.removeprefix(ENVELOPE) for child in product]
    told = [name for name in told if name not in ("Category", "Property")]
    assert told == [name for name in sequence if name in told], told
    text = lambda parent, name: getattr(parent.find(ENVELOPE + name), "text", None)
    annotation = system.find(ENVELOPE + "AnnotationSection")
    return {
        "id": system.get(ENVELOPE + "id"),
        "name": only(system, ENVELOPE + "Name").text,
        "product": only(product, ENVELOPE + "Product").text,
        "vendor": text(product, "Vendor"),
        "product_url": text(product, "ProductUrl"),
        "app_url": text(product, "AppUrl"),
        "annotation": annotation is not None and text(annotation, "Annotation"),
        "full_version": only(product, ENVELOPE + "FullVersion").text,
        "properties": {p.get(ENVELOPE + "key"): [p.get(ENVELOPE + "value"), p[1].text]
                       for p in product.findall(ENVELOPE + "Property")},
        "transport": hardware.get(ENVELOPE + "transport"),
        "items": {item["ResourceType"]: item for item in items},
        "os": [os.get(ENVELOPE + "id"), os.get(VMWARE + "osType")],
        "file": {k.removeprefix(ENVELOPE): v for k, v in root[0][0].attrib.items()},
        "disk": {k.removeprefix(ENVELOPE): v for k, v in root[1][1].attrib.items()},
    }


def main():
    archive = tarfile.open(sys.argv[1])
    members = archive.getmembers()
    ovf = next(m for m in members if m.name.endswith(".ovf"))
    text = archive.extractfile(ovf).read()
    found = describe(text)
    found["members"] = [[m.name, m.size, m.uid, m.gid, m.mtime, m.mode] for m in members]
    [href] = OVF(io.StringIO(text.decode())).disks()
    disk = VMDK(archive.extractfile(href))
    found["href"], found["size"] = href, disk.size
    if len(sys.argv) > 2:
        found["equal"] = equal(disk, open(sys.argv[2], "rb"))
    print(json.dumps(found))


main()
