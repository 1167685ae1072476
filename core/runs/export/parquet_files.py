"""Tables as Parquet; what run it is lies in the schema's metadata, as JSON under "cnntop"."""

from typing import Any, BinaryIO

import msgspec

from cnntop.core.runs.export.tables import Table


def write(facts: dict[str, Any], table: Table, file: BinaryIO) -> None:
    """Raises OSError."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "numbers": pa.list_(pa.float64()),
        "texts": pa.list_(pa.string()),
    }
    schema = pa.schema(
        [(column, kinds[kind]) for column, kind in table.columns.items()],
        metadata={"cnntop": msgspec.json.encode(facts)},
    )
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(schema)
    arrays = [pa.array(cells, one.type) for cells, one in zip(columns, schema, strict=True)]
    parquet.write_table(pa.table(arrays, schema=schema), file)
