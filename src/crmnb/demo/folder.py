"""The folder of the simulated client: files with identical bytes for the same seed."""

import csv
import gzip
import io
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import pandas as pd

from crmnb.core.errors import InputError
from crmnb.demo import (
    data_quality,
    exports,
    exports_employees,
    exports_engagement,
    exports_experiments,
    exports_market,
    exports_operations,
    exports_sales,
)
from crmnb.demo.corruption import CorruptedRows
from crmnb.demo.draw import export_streams, simulate_tables
from crmnb.demo.experiments import simulate_experiments, true_experiments
from crmnb.demo.initiatives import true_effects
from crmnb.demo.parameters import CUSTOMER_LIMITS, PLANS, REGIONS, YEARS, Rates
from crmnb.demo.relationship import story_of, story_truth
from crmnb.demo.truth.whole_year import figures_of_year

TRUTH_FILE = "truth.json"  # written last: if it exists, the folder is complete
_MODULES = dict.fromkeys(("leads", "visits", "costs"), exports_sales)
_MODULES |= dict.fromkeys(("employee_responses", "teams"), exports_employees)
_MODULES |= dict.fromkeys(("activities", "process_runs"), exports_operations)
_MODULES |= dict.fromkeys(("sends", "social_posts", "social_mentions", "loyalty", "usage"), exports_engagement)
_MODULES |= dict.fromkeys(("market", "brand_survey", "benchmarks"), exports_market)
MONTHS = [f"{year}-{month:02d}" for year in YEARS for month in range(1, 13)]
FILES = (
    *("customers.csv", "subscriptions.csv", *(f"orders_{month}.csv.gz" for month in MONTHS), "tickets.xlsx"),
    *("invitations.parquet", "answers.jsonl", "reviews.csv", "leads.db", "visits.parquet", "costs.csv"),
    *("employee_survey.csv", "teams.csv", "activities.csv", "process_runs.csv"),
    *("mailings.csv", "posts.csv", "mentions.csv", "loyalty_cards.csv", "app_days.parquet", "audit.csv"),
    *("market.csv", "brands.csv", "benchmarks.csv", "experiments.csv", TRUTH_FILE),
)


def simulate(folder: Path, customers: int, seed: int, rates: Rates) -> dict[str, CorruptedRows]:
    """Write the files of a simulated client into a folder; return, by table, the exported rows with the counts of good and bad.

    `truth.json` holds the arguments, these counts, and the true value of every metric in each year. Raises InputError if
    the folder holds other files, and for numbers out of range.
    """
    least, most = CUSTOMER_LIMITS
    if not least <= customers <= most:
        raise InputError(f"--customers: {customers:,} is out of range; it must be {least:,} to {most:,}.")
    if seed < 0:
        raise InputError(f"--seed: {seed} is out of range; it must be 0 or more.")
    _check_folder(folder)
    drawn = simulate_tables(rates, customers, seed)
    streams = export_streams(seed, len(drawn.tables))
    tables = {
        name: getattr(_MODULES.get(name, exports), f"export_{name}")(table, rng)
        for (name, table), rng in zip(drawn.tables.items(), streams, strict=True)
    }
    audited = data_quality.audit(drawn.tables["customers"], drawn.streets, seed)
    tables["audited_values"] = exports.export_audited_values(audited)
    tables["experiment_units"] = exports_experiments.export_experiment_units(simulate_experiments(seed), seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRUTH_FILE).unlink(missing_ok=True)
    aside = Path(mkdtemp(prefix=".simulate-", dir=folder.parent))
    try:
        for name, spoiled in tables.items():
            _WRITERS[name](spoiled.rows, aside)
        for file in FILES[:-1]:
            os.replace(aside / file, folder / file)
        content = _build_truth(customers, seed, rates, drawn.at_start, tables)
        (aside / TRUTH_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(aside / TRUTH_FILE, folder / TRUTH_FILE)
    finally:
        shutil.rmtree(aside)
    return tables


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--folder: {folder} is a file. Name a folder.")
    others = sorted(path.name for path in folder.glob("*") if path.name not in FILES) if folder.exists() else []
    if others:
        raise InputError(
            f"--folder: {folder} holds other files ({', '.join(others[:3])}{' ...' if len(others) > 3 else ''}), "
            "and simulated files are not added to them. Name an empty or a new folder."
        )


def _build_truth(
    customers: int, seed: int, rates: Rates, at_start: dict[int, int], tables: dict[str, CorruptedRows]
) -> dict:
    """What truth.json holds."""
    figures = {str(year): _figures(rates, year, at_start[year]) for year in YEARS}
    by_level = {
        str(year): {
            segment: {level: _figures(rates, year, at_start[year], segment, level) for level in names}
            for segment, names in (("region", REGIONS), ("plan", PLANS))
        }
        for year in YEARS
    }
    return {
        "about": "A simulated client. truth: year, metric, breakdown, the value if there were no chance, in the metric's unit; "
        "truth_by_level: the same by year, segmentation and level; experiments: metric, breakdown, the same in 2025; initiatives: the effect in points by initiative; dissatisfied: by year, the group that is dissatisfied with the "
        "relationship, its scores and those of all others.",
        "arguments": {"customers": customers, "seed": seed, **asdict(rates)},
        "rows": {name: {"good": spoiled.good, "bad": spoiled.bad} for name, spoiled in tables.items()},
        "truth": figures,
        "truth_by_level": by_level,
        "experiments": true_experiments(),
        "initiatives": true_effects(),
        "dissatisfied": {str(year): story_truth(story_of(seed), rates, place) for place, year in enumerate(YEARS)},
    }


def _figures(rates: Rates, year: int, at_start: int, segment: str = "", level: str = "") -> dict:
    figures = {}
    for (metric, breakdown), value in figures_of_year(rates, year, at_start, segment, level).items():
        figures.setdefault(metric, {})[breakdown] = round(value, 6)
    return figures


# ---- Writers ----------------------------------------------------------------------------------------------


def _csv(rows: pd.DataFrame, **dialect: str) -> str:
    """Rows as the text of a CSV file, the header first; what is empty stands as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", **dialect)
    writer.writerow(rows.columns)
    writer.writerows(_cells(rows))
    return text.getvalue()


def _cells(rows: pd.DataFrame) -> Iterator[tuple]:
    """The rows as plain values, None where there is none."""
    columns = [column.astype(object).where(column.notna(), None).tolist() for _, column in rows.items()]
    return zip(*columns, strict=True)


def _customers(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "customers.csv").write_bytes(b"\xff\xfe" + _csv(rows, delimiter=";").encode("utf-16-le"))


def _subscriptions(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "subscriptions.csv").write_bytes(_csv(rows, delimiter=";").encode("cp1252"))


def _orders(rows: pd.DataFrame, folder: Path) -> None:
    for month in MONTHS:
        here = rows[rows["month"] == month].drop(columns="month")
        packed = gzip.compress(_csv(here).encode("utf-8"), compresslevel=5, mtime=0)
        (folder / f"orders_{month}.csv.gz").write_bytes(packed)


def _tickets(rows: pd.DataFrame, folder: Path) -> None:
    """A sheet for each year, each with a title above the header."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(folder / "tickets.xlsx"), {"constant_memory": True, "tmpdir": str(folder)}) as book:
        book.set_properties({"created": datetime(YEARS[-1], 12, 31)})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for year in YEARS:
            sheet = book.add_worksheet(str(year))
            sheet.write_string(0, 0, f"Service desk: tickets of {year}")
            here = rows[rows["year"] == year].drop(columns="year")
            times = here.columns.get_loc("Opened"), here.columns.get_loc("Due")
            sheet.write_row(2, 0, here.columns)
            for number, cells in enumerate(_cells(here), 3):
                for column, cell in enumerate(cells):
                    if isinstance(cell, str):
                        sheet.write_string(number, column, cell)
                    elif cell is not None:
                        sheet.write_number(number, column, cell, time if times[0] <= column <= times[1] else None)


def _parquet(rows: pd.DataFrame, selected: str, path: Path) -> None:
    with duckdb.connect(config={"threads": 1}) as con:
        con.register("exported", rows)
        file = str(path).replace("'", "''")
        con.execute(f"copy (select {selected} from exported) to '{file}' (format parquet)")


def _survey_invitations(rows: pd.DataFrame, folder: Path) -> None:
    typed = "* replace (nullif(invitation, 'nan') as invitation, nullif(customer, 'nan') as customer)"
    _parquet(rows, typed, folder / "invitations.parquet")


def _visits(rows: pd.DataFrame, folder: Path) -> None:
    _parquet(rows, "* replace (nullif(seconds, 'nan') as seconds)", folder / "visits.parquet")


def _survey_responses(rows: pd.DataFrame, folder: Path) -> None:
    """An object a line; what is null is left out as often as not, by its place, and where the survey does not ask for it."""
    questions = {survey: set(sheets.columns[sheets.notna().any()]) for survey, sheets in rows.groupby("survey")}
    with (folder / "answers.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for number, cells in enumerate(_cells(rows)):
            pairs = zip(rows.columns, cells, strict=True)
            names = questions[rows.at[number, "survey"]] if number % 2 else ()
            line = {name: cell for name, cell in pairs if cell is not None or name in names}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _reviews(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "reviews.csv").write_bytes(_csv(rows).encode("utf-8"))


def _leads(rows: pd.DataFrame, folder: Path) -> None:
    columns = ", ".join(f'"{name}" TEXT' for name in rows)
    with closing(sqlite3.connect(folder / "leads.db")) as database, database:
        database.execute(f"CREATE TABLE opportunities ({columns})")
        database.executemany(f"INSERT INTO opportunities VALUES ({', '.join('?' * rows.shape[1])})", _cells(rows))


def _costs(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "costs.csv").write_bytes(_csv(rows, delimiter=";").encode("iso-8859-15"))


def _employee_responses(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "employee_survey.csv").write_bytes(_csv(rows).encode("utf-8"))


def _teams(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "teams.csv").write_bytes(_csv(rows).encode("utf-8"))


def _activities(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "activities.csv").write_bytes(_csv(rows).encode("utf-8"))


def _process_runs(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "process_runs.csv").write_bytes(_csv(rows).encode("utf-8"))


def _sends(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "mailings.csv").write_bytes(_csv(rows, delimiter="\t").encode("utf-8"))


def _social_posts(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "posts.csv").write_bytes(_csv(rows).encode("utf-8"))


def _social_mentions(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "mentions.csv").write_bytes(_csv(rows).encode("utf-8"))


def _loyalty(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "loyalty_cards.csv").write_bytes(_csv(rows, delimiter=";").encode("utf-8"))


def _usage(rows: pd.DataFrame, folder: Path) -> None:
    _parquet(rows, "*", folder / "app_days.parquet")


def _experiment_units(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "experiments.csv").write_text(_csv(rows), encoding="utf-8", newline="")


def _audited_values(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "audit.csv").write_bytes(_csv(rows).encode("utf-8"))


def _market(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "market.csv").write_bytes(_csv(rows, delimiter=";").encode("utf-8"))


def _brand_survey(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "brands.csv").write_bytes(_csv(rows).encode("utf-8"))


def _benchmarks(rows: pd.DataFrame, folder: Path) -> None:
    (folder / "benchmarks.csv").write_bytes(_csv(rows).encode("utf-8"))


_WRITERS = {
    "market": _market,
    "brand_survey": _brand_survey,
    "benchmarks": _benchmarks,
    "customers": _customers,
    "subscriptions": _subscriptions,
    "orders": _orders,
    "tickets": _tickets,
    "survey_invitations": _survey_invitations,
    "survey_responses": _survey_responses,
    "reviews": _reviews,
    "leads": _leads,
    "visits": _visits,
    "costs": _costs,
    "employee_responses": _employee_responses,
    "teams": _teams,
    "activities": _activities,
    "process_runs": _process_runs,
    "sends": _sends,
    "social_posts": _social_posts,
    "social_mentions": _social_mentions,
    "loyalty": _loyalty,
    "usage": _usage,
    "audited_values": _audited_values,
    "experiment_units": _experiment_units,
}
