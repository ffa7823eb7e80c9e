"""Questions to DuckDB, for tests of what was exported."""

from typing import Any

import duckdb


def ask(query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    answer = duckdb.sql(query)
    assert answer is not None, query
    return list(answer.fetchall())
