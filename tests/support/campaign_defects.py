"""The campaign's defects: each makes another cell's text of a right one, its column and the table as it was drawn."""

from datetime import datetime, timedelta

ORIGIN = datetime(2024, 2, 1)  # from which right times count


def _times(early: str, form: str):
    """A defect of times: one of these texts, and of other columns the text as it is."""
    return lambda text, column, drawn: (
        text if column.type not in ("time", "month") else early if drawn.dialect.forms[0] in (None, "excel") else form
    )


def _moved(days: int):
    return lambda text, column, drawn: (
        drawn.time(ORIGIN + timedelta(days=days, hours=1, minutes=30), column)
        if column.type in ("time", "month")
        else text
    )


def _put(words: str):
    return lambda text, column, drawn: words


DEFECTS = (
    _put(""),
    lambda text, column, drawn: (drawn.dialect.missing or ("n/a",))[-1],
    lambda text, column, drawn: f" \t{text}\u00a0 ",
    _times("2025-02-31", "31/02/2025"),
    _times("12.11.2024 10:00", "2024-11-12"),
    _times("2024-03-05 10:00+02:00", "05/13/2024"),
    _moved(-44_000),  # before 1900
    _moved(2_600),  # in the future
    _moved(-100),  # before what it must not be before
    _moved(423),  # 2025-03-30 01:30, which the clock of London skipped
    _moved(220),  # 2024-09-08 01:30; the clock of Santiago skipped the hour from midnight
    lambda text, column, drawn: drawn.time(datetime(2024, 9, 8), column) if column.type == "time" else text,
    _put("wrong"),
    lambda text, column, drawn: f"-{text}",
    _put("11"),
    _put("1e400"),
    _put("123456789012345678901"),
    _put("1.2.3"),
    _put("2025111"),
    _put("1.234"),
    _put("1,5"),
    _put("12%"),
    _put("+2"),
    _put("1e2"),
    _put("2.50001"),
    lambda text, column, drawn: drawn.right(column, 0, drawn.rows[0][0]),  # a key a second time
    _put("000"),
    _put("7.0"),
    _put("1.23457E+11"),
    _put("=1+1"),
    _put("=cmd|' /C calc'!A0"),
    _put("\U0001f600 ok"),
    lambda text, column, drawn: f'{text} "quoted" "',
    lambda text, column, drawn: f"{drawn.dialect.delimiter}{text}{drawn.dialect.delimiter}",
    lambda text, column, drawn: f"{text}\n{text}",
    lambda text, column, drawn: f"a\r\n{text}\rb",
    lambda text, column, drawn: f"{text}\0",
    lambda text, column, drawn: "long " * 3_000 + text,
    _put("\u200b\ufeff"),
    _put("<script>alert(1)</script>"),
    _put("'; DROP TABLE s; --"),
    _put("½"),
    _put("infinity"),
    _put("(5)"),
    _put("5-"),
    _put("(-5)"),
    _put("2024-03-05 10:00 UTC"),
    _put("05.03.2024 10:00 GMT+2"),
    _put("1709632800"),
    _moved(424),  # 2025-03-31 01:30
    _moved(629),  # in the hour that Berlin repeats, or near it
    lambda text, column, drawn: (
        drawn.time(datetime(2024, 3, 31, 2, 30), column) if column.type == "time" else text
    ),  # Berlin skips it
    lambda text, column, drawn: (
        drawn.time(datetime(2024, 10, 27, 2, 30), column) if column.type == "time" else text
    ),  # and repeats it
)
