"""The JSON Schema of `pilothouse.roster/1`, made from `form_text.py`: `python -m ml.rostering.form_schema` writes it.

What does not belong here: the members themselves.
"""

import json
from pathlib import Path

from ml.rostering.form_text import RosterText

SCHEMA = Path(__file__).parent / "schemas" / "roster-1.json"


def schema_text() -> str:
    """Return the schema as the file holds it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **RosterText.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
