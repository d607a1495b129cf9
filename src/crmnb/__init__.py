"""crmnb: measures customer relationships. In a notebook: `from crmnb import open_workbook`; to learn: `from crmnb import lesson`."""

import sys

__version__ = "0.1.0"
__all__ = ["lesson", "lessons", "open_workbook"]

# nbformat would import it for the validation of addresses in JSON schemas, which nothing here uses: it takes a second for its grammar.
sys.modules.setdefault("rfc3987_syntax", None)


def __getattr__(name: str):
    # Imported on first use, so that `crmnb --help` does not wait for pandas and DuckDB.
    if name == "open_workbook":
        from crmnb.workbook import open_workbook

        return open_workbook
    if name == "lesson":
        from crmnb.learn.lesson import lesson

        return lesson
    if name == "lessons":
        from crmnb.learn.display import Lessons

        return Lessons()
    raise AttributeError(name)
