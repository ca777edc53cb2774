"""Checks share/grafana/vps-monitor.json against Grafana's own schema: by its SDK, which is made from that schema, every field
must be known, and come back with its value. Usage: pip install grafana-foundation-sdk; dashboard_schema.py

No package of Debian has the SDK, so this is no part of the gate."""

import importlib.metadata
import json
from pathlib import Path

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(ours, theirs, at):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            yield from lost(value, theirs[name], f"{at}.{name}") if name in theirs else [f"{at}.{name} is unknown"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, pair in enumerate(zip(ours, theirs)):
            yield from lost(*pair, f"{at}[{place}]")
    elif ours != theirs:
        yield f"{at}: {ours} became {theirs}"


plugins.register_default_plugins()
dashboard = json.loads((Path(__file__).parents[2] / "share/grafana/vps-monitor.json").read_text())
faults = list(lost(dashboard, json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard))), ""))
print("\n".join(faults) or f"all is in the schema of {importlib.metadata.version('grafana-foundation-sdk')}")
raise SystemExit(bool(faults))
