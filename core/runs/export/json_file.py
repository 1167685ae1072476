"""A run as one JSON object: `run`, what it is, and its tables, a row an object and a line."""

from collections.abc import Iterable
from typing import Any, BinaryIO

import msgspec

from cnntop.core.runs.export.tables import Table


def write(facts: dict[str, Any], tables: Iterable[Table], file: BinaryIO) -> None:
    """Raises OSError."""
    encode = msgspec.json.encode
    file.write(b'{\n"run": ' + encode(facts))
    for table in tables:
        rows = (encode(dict(zip(table.columns, row, strict=True))) for row in table.rows)
        file.write(b',\n"%s": [\n%s\n]' % (table.name.encode(), b",\n".join(rows)))
    file.write(b"\n}\n")
