# Checks JSON documents against a JSON Schema (draft 7): the first line is the schema, each further one a document.
# Answers each with "good", or with one line that says why not.
import json
import re
import sys

from jsonschema import Draft7Validator, ValidationError, validators


def pattern(validator, wanted, instance, schema):
    # in ECMA 262, which JSON Schema uses, $ is the end of the text; Python's also matches before a last newline
    wanted = re.sub(r"\$(?=$|[)|])", r"\\Z", wanted)
    if validator.is_type(instance, "string") and not re.search(wanted, instance):
        yield ValidationError(f"{instance!r} does not match {wanted}")


schema = json.loads(sys.stdin.readline())
Draft7Validator.check_schema(schema)
validator = validators.extend(Draft7Validator, {"pattern": pattern})(schema)
for line in sys.stdin:
    error = next(validator.iter_errors(json.loads(line)), None)
    print("good" if error is None else json.dumps(error.message)[:500], flush=True)
