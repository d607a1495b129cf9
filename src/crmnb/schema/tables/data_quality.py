"""Tables of data quality: values that were compared with the truth, and what the import counts while it reads the other tables.

Those `by_import` hold counts of rows and names of tables and columns, and no value of a client's.
"""

from crmnb.schema.tables.columns import Column, Table, counted, key_column, required

_TABLE = required("table_name", "text")
_COLUMN = required("column_name", "text")


def _by_import(name: str, grain: str, *columns: Column) -> Table:
    return Table(name, grain=grain, key=(), columns=columns, by_import=True)


TABLES = (
    Table(
        "audited_values",
        grain="a value of a record that was compared with the truth (a reference file or an audited sample)",
        key=("table_name", "record_key", "column_name"),
        columns=(
            _TABLE,
            key_column("record_key"),
            _COLUMN,
            Column(
                "true_value", "key"
            ),  # as text, compared with the record's value; empty: the record should have none
            Column("is_correct", "flag"),  # known already, instead of a true value
            # The import replaces the keys by numbers, forgets the true values, and adds how many records the table has.
            *counted("records"),
        ),
    ),
    _by_import(
        "data_cells",
        "a column of an imported table",
        _TABLE,
        _COLUMN,
        Column("is_required", "flag"),
        Column("is_checked", "flag"),
        *counted("rows", "missing", "invalid"),
    ),
    _by_import(
        "data_records",
        "an imported table, or a source that queries read",
        _TABLE,
        Column("is_table", "flag"),
        Column("has_key", "flag"),
        *counted("rows", "rejected", "duplicates", "accepted", "linked"),
    ),
    _by_import(
        "data_rejections",
        "a cause of rejected rows of a table",
        _TABLE,
        _COLUMN,
        Column("kind", "text"),
        *counted("rows", "sole_cause_rows"),
    ),
    _by_import(
        "data_references",
        "a column of a table with the keys of another table",
        _TABLE,
        _COLUMN,
        Column("parent", "text"),
        *counted("rows", "orphans"),
    ),
    _by_import(
        "data_duplicates",
        "a table in which near duplicates were looked for",
        _TABLE,
        *counted("records", "duplicates", "left_out"),
    ),
    _by_import("data_days", "a day on which a table has rows", _TABLE, Column("newest_at", "time")),
    _by_import(
        "data_touchpoints",
        "a number of tables in which customers occur, beside the list of customers",
        *counted("touchpoints", "customers"),
    ),
)
