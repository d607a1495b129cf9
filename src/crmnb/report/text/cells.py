"""Cells: the names of columns and the values of a client's rows, as a reader writes them."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

_LONGEST = 40  # characters of a cell


def column_words(name: str) -> str:
    """A column in words: `sent at` of "sent_at", `customer` of "customer_id"."""
    return name.removesuffix("_id").replace("_", " ") or name


def cell_words(value: Any) -> str:
    """A cell as a reader writes it: a day without a time at midnight, yes and no, whole numbers without decimals."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        written = (
            f"{value:%Y-%m-%d}"
            if value == value.replace(hour=0, minute=0, second=0, microsecond=0)
            else f"{value:%Y-%m-%d %H:%M}"
        )
        return written if not value.second else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, str):
        value = " ".join(value.split())
        return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
    number = float(value)
    return f"{number:.0f}" if number.is_integer() else f"{number:.6g}"
