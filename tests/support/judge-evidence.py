"""Judges what slipway writes about an image, with programs of others.

    judge-evidence.py spdx FILE                   print the purls of an SPDX 2.3 document, sorted
    judge-evidence.py cyclonedx FILE              the same of a CycloneDX 1.6 document
    judge-evidence.py provenance ENVELOPE PEM     print the statement in a DSSE envelope
    judge-evidence.py summary ENVELOPE PEM        the same of a summary of a verification

It fails unless the file is what it should be to the last field.
"""

import json
import sys


def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_file(path)
    faults = validate_full_spdx_document(document, "SPDX-2.3")
    if faults:
        sys.exit("\n".join(fault.validation_message for fault in faults))
    references = (r for package in document.packages for r in package.external_references)
    return [reference.locator for reference in references if reference.reference_type == "purl"]


def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as file:
        text = file.read()
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault:
        sys.exit(str(fault))
    document = json.loads(text)
    names = [component["bom-ref"] for component in document["components"]]
    if len(set(names)) != len(names):
        sys.exit("a bom-ref stands twice")
    for dependency in document["dependencies"]:
        for name in [dependency["ref"], *dependency["dependsOn"]]:
            if name != document["metadata"]["component"]["bom-ref"] and name not in names:
                sys.exit(f"there is no component {name}")
    return [component["purl"] for component in document["components"]]


def provenance(path, pem):
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2

    statement(path, pem, provenance_pb2.Provenance())


def summary(path, pem):
    from in_toto_attestation.predicates.vsa.v1 import vsa_pb2

    def one(predicate):
        # SLSA has a list of levels, the library's type one of them
        (predicate["verifiedLevels"],) = predicate["verifiedLevels"]
        return predicate

    statement(path, pem, vsa_pb2.VerificationSummary(), one)


def statement(path, pem, predicate, change=lambda predicate: predicate):
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    with open(path, encoding="utf-8") as file:
        written = json.load(file)
    with open(pem, "rb") as file:
        key = load_pem_public_key(file.read())
    # before the envelope is made, which takes the dictionary apart
    name = written["signatures"][0]["keyid"]
    envelope = Envelope.from_dict(written)
    envelope.verify([SSlibKey.from_crypto(key, keyid=name)], 1)
    proto = json_format.Parse(envelope.payload, statement_pb2.Statement())
    Statement.copy_from_pb(proto).validate()
    # a field that SLSA does not have would be refused here
    json_format.ParseDict(change(json.loads(envelope.payload)["predicate"]), predicate)
    print(envelope.payload.decode())


def main():
    what, *arguments = sys.argv[1:]
    if what in ("provenance", "summary"):
        return {"provenance": provenance, "summary": summary}[what](*arguments)
    purls = {"spdx": spdx, "cyclonedx": cyclonedx}[what](*arguments)
    from packageurl import PackageURL

    for purl in sorted(purls):
        # written as the purl library itself writes it
        if PackageURL.from_string(purl).to_string() != purl:
            sys.exit(f"{purl} should be {PackageURL.from_string(purl).to_string()}")
        print(purl)


main()
