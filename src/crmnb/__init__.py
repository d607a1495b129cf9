"""crmnb: measures customer relationships. In a notebook: `from crmnb import open_workbook`."""

__version__ = "0.1.0"
__all__ = ["open_workbook"]


def __getattr__(name: str):
    # Imported on first use, so that `crmnb --help` does not wait for pandas and DuckDB.
    if name == "open_workbook":
        from crmnb.workbook import open_workbook

        return open_workbook
    raise AttributeError(name)
