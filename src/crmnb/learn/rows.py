"""Rows: a table of a lesson, which also plain Python shows with all of its columns."""

import pandas as pd

_MOST_ROWS = 60  # of a simulated client, which has thousands


class Rows(pd.DataFrame):
    """A frame whose `repr` leaves no column out. What is computed from it is a usual frame."""

    def __repr__(self) -> str:
        return self.to_string(max_rows=_MOST_ROWS)
