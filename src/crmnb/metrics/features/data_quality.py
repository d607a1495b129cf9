"""Data quality: what its metrics share: names in words, and shares in all and by part."""

import narwhals.stable.v2 as nw

from crmnb.engine.views import View
from crmnb.metrics.estimators import OF_ALL, Estimator

SHARE_OF_ROWS = Estimator(
    "share of all", "counts", "data_quality.shares", OF_ALL, sums=("met", "size"), chart="breakdown"
)
_NAMES = {"table_name": "table", "column_name": "column"}


def all_imported(view: View) -> nw.LazyFrame:
    """The rows of a table that tell of all data, whatever the period: there are no parts and no comparison."""
    _ = view.periods.reporting
    return view.rows


def in_words(column: str) -> nw.Expr:
    """A name of a table or column as words: `joined at`."""
    return nw.col(column).str.replace_all("_", " ", literal=True)


def words_of(*columns: str) -> list[nw.Expr]:
    """The names of tables and columns as words, in the columns `table` and `column`."""
    return [in_words(name).alias(_NAMES[name]) for name in columns]


def shares_by(rows: nw.LazyFrame, part: str, *others: str) -> nw.LazyFrame:
    """Rows with `met` and `size`, once for all (`breakdown` "") and once for each value of a column; with these other sums."""
    sums = ["met", "size", *others]
    return nw.concat(
        [rows.select(*sums, breakdown=breakdown).select("breakdown", *sums) for breakdown in (nw.lit(""), nw.col(part))]
    )
