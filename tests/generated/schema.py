"""Validates the fixtures of the configuration by its JSON Schema, with a validator that others wrote.

What the agent accepts the schema must accept. What the agent refuses the schema must refuse, or YAML, but for the files
in BEYOND, which say what no schema can say. Arguments: the schema, and the folder of the fixtures. Ends with 77 where the
packages jsonschema and ruamel.yaml are missing.
"""

import json
import pathlib
import sys

try:
    import jsonschema
    from ruamel.yaml import YAML
except ImportError as missing:
    print(missing)
    sys.exit(77)

BEYOND = {
    # Of a text more than its form: a schedule's numbers, a zone that exists, a duration's range, characters of a URL.
    "cron-field",
    "cron-step",
    "duration-too-long",
    "forecast-too-long",
    "forecast-too-short",
    "invisible-in-a-webhook",
    "report-time-zone",
    "sample-interval-too-short",
    "time-zone",
    "time-zone-abbreviation",
    # Two keys that depend on one another.
    "sample-interval-too-long",
    # What a loader of YAML has made something else of before the schema sees it.
    "hexadecimal",
    "merge-key",
    "tag",
}


def load(path):
    # YAML 1.2, as the agent has it: `on` is a text.
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def main(schema_path, fixtures):
    schema = json.loads(pathlib.Path(schema_path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    complaints = []
    for path in sorted(pathlib.Path(fixtures, "valid").glob("*.yaml")):
        document = load(path)
        for error in validator.iter_errors({} if document is None else document):
            complaints.append(f"{path}: {error.json_path}: {error.message}")
    for path in sorted(pathlib.Path(fixtures, "invalid").glob("*.yaml")):
        try:
            document = load(path)
            refused = not validator.is_valid({} if document is None else document)
        except Exception:  # Whatever keeps the file from being read refuses it.
            refused = True
        if refused == (path.stem in BEYOND):
            said = "is refused, though no schema should know why" if refused else "is accepted"
            complaints.append(f"{path}: {said}")
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
