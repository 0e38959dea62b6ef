"""All cases: the table, its other part, and a module of rows for each part of the vocabulary."""

from __future__ import annotations

from typing import Final

from . import rows_extensions, rows_matrix, rows_relays, rows_rivals, rows_scripts, rows_tls, rows_wire
from .further import FURTHER
from .table import CASES, Case

EVERY_CASE: Final[tuple[Case, ...]] = (
    *CASES,
    *FURTHER,
    *rows_extensions.ROWS,
    *rows_matrix.ROWS,
    *rows_relays.ROWS,
    *rows_rivals.ROWS,
    *rows_scripts.ROWS,
    *rows_tls.ROWS,
    *rows_wire.ROWS,
)
