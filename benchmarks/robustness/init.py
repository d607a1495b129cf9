"""python -m benchmarks.robustness.init [--exports FOLDER] [--clients FOLDER]: does `crmnb init` propose the right parameters file?

Each export (a folder of files in the shape of a product's export) becomes a client by `init` with the fewest answers that its figure
needs. The proposed mapping is compared with the right one, which is declared here apart from the presets, and the figure with the one that was
counted by hand. A column is right if it is mapped to the right header, wrong if it is mapped to another one, and asked if it stands as a
question. Real clients have a mapping but no figure. Prints a line per export and ends with one line of JSON; exits with 1 where a column
is wrong, or a figure is wrong that a file without an open question about it gave.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.evaluate.evaluation import evaluate_variant
from crmnb.intake import import_data
from crmnb.metrics.definition import catalogue
from crmnb.run.data_check import check
from crmnb.schema.client import load_client
from crmnb.setup.draft import Draft
from crmnb.setup.project_files import Written, write_parameters
from crmnb.workbook import Workbook, open_on

_SHARED = Path(__file__).parents[3] / "shared/data"
EXPORTS = _SHARED / "exports"
_TOLERANCE = 0.06  # figures are given with one or two decimals
_MOST_ANSWERS = 2
_AIM = 15


@dataclass(frozen=True)
class Shape:
    """An export: its folder, its files, the answers, the right header of each column, and its figure in a period.

    `columns`: table: {column: header}; None for a column that must not be mapped, a dict for a constant. A table made by a query has
    {"": "query"}. `figures`: the right ones by metric.
    """

    folder: str
    files: tuple[str, ...]
    answers: dict[str, str]
    columns: dict[str, dict[str, object]]
    period: str = "2025"
    figures: dict[str, float] = field(default_factory=dict)


_SURVEY = {
    "response_id": "ResponseId",
    "customer_id": "ExternalReference",
    "responded_at": "RecordedDate",
    "satisfied": "Q1",
    "recommend": "Q2",
    "comment": "Q3",
}
_SHOP = {
    "order_id": "order_id",
    "customer_id": "customer",
    "ordered_at": "created_at",
    "amount": "total",
    "status": "status",
}
_LEDGER = {"order_id": "Invoice", "customer_id": "Account No", "ordered_at": "Date", "amount": "Net"}
_NEW_YORK = {"currency": "USD", "time_zone": "America/New_York"}
_QUALTRICS = {"nps": 10.0, "csat": 60.0}

SHAPES = (
    Shape("qualtrics", ("survey.csv",), {}, {"survey_responses": _SURVEY}, "2025-03"),
    Shape("qualtrics_big", ("survey.csv",), {}, {"survey_responses": _SURVEY}, "2025-03", _QUALTRICS),
    Shape(
        "shopify",
        ("orders_export.csv",),
        {"time_zone": "America/New_York", "lost_after_days": "180"},
        {
            "orders": {
                "order_id": "Name",
                "customer_id": "Email",
                "ordered_at": "Created at",
                "amount": "Total",
                "status": "Financial Status",
                "refunded_amount": "Refunded Amount",
            }
        },
        "2025",
        {"average_order_value": 52.20, "revenue_per_customer": 62.0},
    ),
    Shape(
        "stripe",
        ("subscriptions.csv", "unified_payments.csv"),
        {"time_zone": "UTC", "data_until": "2025-12-31"},
        {
            "subscriptions": {
                "subscription_id": "id",
                "customer_id": "Customer ID",
                "started_at": "Start (UTC)",
                "ended_at": "Ended At (UTC)",
                "amount": "Amount",
                "quantity": "Quantity",
                "interval": "Interval",
                "status": "Status",
            },
            "orders": {
                "order_id": "id",
                "customer_id": "Customer ID",
                "ordered_at": "Created (UTC)",
                "amount": "Amount",
                "status": "Status",
                "refunded_amount": "Amount Refunded",
            },
        },
        "2025",
        {"net_revenue_retention": 42.86, "new_customers": 1.0, "revenue_per_customer": 430.0},
    ),
    Shape(
        "hubspot",
        ("all-deals.csv",),
        {"currency": "USD"},
        {
            "leads": {
                "lead_id": "Record ID",
                "customer_id": "Associated Company IDs (Company)",
                "created_at": "Create Date",
                "stage": "Deal Stage",
                "closed_at": "Close Date",
                "source": "Original Traffic Source",
                "seller": "Deal owner",
                "amount": "Amount",
            }
        },
        "2025",
        {"lead_conversion_rate": 28.57},
    ),
    Shape(
        "won_in_future",
        ("deals.csv",),
        {},
        {"leads": {"lead_id": "id", "created_at": "created", "closed_at": "closed", "stage": "stage"}},
        "2025",
        {"lead_conversion_rate": 33.33},
    ),
    Shape(
        "zendesk",
        ("export-2025-07-01.json",),
        {"time_zone": "America/New_York"},
        {"tickets": {"": "query"}, "survey_responses": {"": "query"}},
        "2025-06",
        {"csat": 77.78},
    ),
    Shape(
        "ga4",
        ("events_20250601.json",),
        {"time_zone": "Europe/Oslo"},
        {"visits": {"": "query"}},
        "2025-06-01..2025-06-02",
        {"session_conversion_rate": 33.33},
    ),
    Shape(
        "magento",
        ("export.csv",),
        {"currency": "USD"},
        {
            "orders": {
                "order_id": "ID",
                "customer_id": "Customer Email",
                "ordered_at": "Purchase Date",
                "amount": "Grand Total (Purchased)",
                "status": "Status",
                "refunded_amount": "Total Refunded",
            }
        },
        "2025",
        {"average_order_value": 55.0},
    ),
    Shape(
        "xlsx_totals",
        ("Sales 2025.xlsx",),
        {"currency": "GBP"},
        {"orders": _LEDGER},
        "2025",
        {"revenue_per_customer": 130.0},
    ),
    Shape(
        "xlsx_totals",
        ("Sales 2025 grouped.xlsx",),
        {"currency": "GBP"},
        {"orders": _LEDGER},
        "2025",
        {"revenue_per_customer": 130.0},
    ),
    Shape(
        "utc_shop",
        ("orders.csv",),
        _NEW_YORK,
        {"orders": _SHOP},
        "2025-01",
        {"average_order_value": 20.0},
    ),
    Shape(
        "utc_shop/bare",
        ("orders.csv",),
        {**_NEW_YORK, "zone.orders": "UTC"},
        {"orders": _SHOP},
        "2025-01",
        {"average_order_value": 20.0},
    ),
    Shape(
        "bigquery_utc",
        ("orders.csv",),
        _NEW_YORK,
        {"orders": _SHOP},
        "2025",
        {"average_order_value": 25.0},
    ),
    Shape(
        "google_forms",
        ("Customer feedback (Responses) - Form responses 1.csv",),
        {"time_zone": "Europe/Berlin"},
        {
            "survey_responses": {
                "response_id": {"row_number": True},
                "responded_at": "Timestamp",
                "satisfied": "How satisfied are you with your last visit?",
                "recommend": "How likely are you to recommend us, on a scale of 0-10?",
            }
        },
    ),
    Shape(
        "trustpilot",
        ("service-reviews.csv",),
        {"time_zone": "Europe/London"},
        {
            "reviews": {
                "review_id": "Review Id",
                "platform": {"value": "Trustpilot"},
                "posted_at": "Review Created (UTC)",
                "rating": "Review Stars",
                "scale": {"value": "5"},
                "text": "Review Content",
            }
        },
    ),
    Shape(
        "accounting_negatives",
        ("costs.csv",),
        {"currency": "USD"},
        {"costs": {"month": "Month", "category": "Account", "acquisition_channel": "Channel", "amount": "Amount"}},
        "2025",
        {"costs": 1760.0},
    ),
    Shape(
        "multi_currency",
        ("orders.csv",),
        {"currency": "EUR", "rate.JPY": "exclude"},
        {
            "orders": {
                "order_id": "order",
                "customer_id": "customer",
                "ordered_at": "created",
                "amount": "total",
                "status": "status",
                "currency": "currency",
            }
        },
        "2025",
        {"average_order_value": 83.33},
    ),
    Shape(
        "paid_but_refunded",
        ("orders.csv",),
        {"currency": "EUR"},
        {
            "orders": {
                "order_id": "order",
                "customer_id": "customer",
                "ordered_at": "created",
                "amount": "total",
                "status": "status",
                "refunded_amount": "refunded",
            }
        },
        "2025",
        {"average_order_value": 50.0, "revenue_per_customer": 50.0},
    ),
)

# Real clients: the only right mappings are those that their own parameters files make by SQL, so what matters is that nothing is wrong.
CLIENTS = (
    Shape(
        "ibm_telco_churn",
        ("Telco-Customer-Churn.csv",),
        {},
        {"customers": {"customer_id": "customerID", "joined_at": None, "left_at": None}},
    ),
    Shape("hillstrom_email_ab", ("hillstrom_data.csv",), {}, {}),
    Shape("cdnow", ("CDNOW_master.txt",), {}, {}),
)


@dataclass
class Outcome:
    """What came of a shape. `figures`: metric: (figure, right one)."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    figures: dict[str, tuple[float | None, float]] = field(default_factory=dict)
    message: str = ""
    lines: int = 0

    @property
    def is_right(self) -> bool:
        """Whether the file was read and all its figures are right."""
        return not self.message and all(_is_near(*pair) for pair in self.figures.values())


def _is_near(figure: float | None, right: float) -> bool:
    return figure is not None and abs(figure - right) <= _TOLERANCE


def run(shape: Shape, folder: Path) -> Outcome:
    """Propose the parameters of a shape in a project of its own, compare them, and evaluate its figures."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as place:
        project = Path(place)
        (project / "notebooks").mkdir()
        target = project / "parameters/client"
        target.mkdir(parents=True)
        for name in shape.files:
            shutil.copy(folder / shape.folder / name, target / name)
        try:
            written = write_parameters(project, [target / name for name in shape.files], "client", shape.answers)
        except InputError as error:
            outcome.message = f"nothing written: {error}"
            return outcome
        outcome.lines = len(written.path.read_text(encoding="utf-8").splitlines())
        _compare(shape, written.draft, outcome)
        try:
            _evaluate(shape, project, written, outcome)
        except InputError as error:
            outcome.message = str(error).replace(str(project), "")
    return outcome


def _compare(shape: Shape, draft: Draft, outcome: Outcome) -> None:
    """Count the columns that are mapped right, wrong, and asked. A canonical column that is not declared right is wrong."""
    tables = {table.name: table for table in draft.tables}
    for name, right in shape.columns.items():
        table = tables.get(name)
        asked = {question.key for question in table.questions} if table else set()
        if "" in right:
            outcome.right += bool(table and table.query)
            outcome.asked += [] if table else [name]
            continue
        for column, header in right.items():
            mapped = table.columns.get(column) if table else None
            if mapped is None and header is None:
                outcome.right += 1
            elif mapped is None:
                outcome.asked.append(f"{name}.{column}{'' if f'column.{name}.{column}' in asked else ' (not mapped)'}")
            elif mapped.value == header:
                outcome.right += 1
            else:
                outcome.wrong.append(f"{name}.{column}: {mapped.value!r} instead of {header!r}")
    outcome.wrong += [f"{name}: no such table" for name in tables if name not in shape.columns and shape.columns]


def _evaluate(shape: Shape, project: Path, written: Written, outcome: Outcome) -> None:
    """Import the data as `crmnb check` does, and evaluate the figures without suppression."""
    check(project, written.client, shape.period)
    declared = yaml.safe_load(written.path.read_text(encoding="utf-8"))
    declared["privacy"] = {"min_base": 1, "suppress_below": 1}
    written.path.write_text(yaml.safe_dump(declared, allow_unicode=True, sort_keys=False), encoding="utf-8")
    client = load_client(written.client, project / "parameters")
    taken = import_data(client, project / "private")
    book = open_on(client, Period.parse(shape.period), taken)
    for metric, right in shape.figures.items():
        outcome.figures[metric] = (_costs(book) if metric == "costs" else _value(book, metric), right)


def _value(book: Workbook, metric: str) -> float | None:
    """The figure of a metric; None where there is none."""
    rows = evaluate_variant(catalogue()[metric], book.tables, book.period).whole
    values = dict(zip(rows["breakdown"], rows["value"], strict=True))
    value = values.get("") if len(values) > 1 else next(iter(values.values()), None)
    return None if value is None or value != value else float(value)


def _costs(book: Workbook) -> float:
    """The sum of the costs, which no metric shows by itself."""
    ((total,),) = book.tables.con.table("costs").aggregate("sum(amount)").fetchall()
    return float(total)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.robustness.init", description=__doc__.split("\n\n")[0])
    parser.add_argument("--exports", type=Path, default=EXPORTS, metavar="FOLDER")
    parser.add_argument("--clients", type=Path, default=_SHARED, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="FOLDER", help="one export")
    given = parser.parse_args(arguments)
    if not given.exports.is_dir():
        print(f"skipped: {given.exports} does not exist")
        return 0
    outcomes = []
    for shape in SHAPES:
        if given.only in ("", shape.folder):
            outcomes.append((shape, run(shape, given.exports)))
            _print(*outcomes[-1])
    clients = [
        (shape, run(shape, given.clients))
        for shape in CLIENTS
        if not given.only and (given.clients / shape.folder).is_dir()
    ]
    for shape, outcome in clients:
        _print(shape, outcome)
    return report(outcomes, clients)


def _print(shape: Shape, outcome: Outcome) -> None:
    figures = ", ".join(
        f"{metric} {'none' if value is None else f'{value:.2f}'} ({right:g})"
        for metric, (value, right) in outcome.figures.items()
    )
    print(
        f"{shape.folder:21} right {outcome.right:2}  wrong {len(outcome.wrong)}  asked {len(outcome.asked)}  "
        f"answers {len(shape.answers)}  lines {outcome.lines:2}  {'ok ' if outcome.is_right else 'NO '} {figures}"
    )
    for text in (*outcome.wrong, *outcome.asked, *filter(None, [outcome.message])):
        print(f"{'':23}{text}")
    sys.stdout.flush()


def report(outcomes: list[tuple[Shape, Outcome]], clients: list[tuple[Shape, Outcome]]) -> int:
    """Print the summary as a line of JSON; 1 where a mapping or a figure is wrong without a word."""
    good = {shape.folder for shape, outcome in outcomes if outcome.is_right and len(shape.answers) <= _MOST_ANSWERS}
    bad = {shape.folder for shape, outcome in outcomes if not outcome.is_right or len(shape.answers) > _MOST_ANSWERS}
    every = [*outcomes, *clients]
    silent = [
        f"{shape.folder}: {metric}"
        for shape, outcome in every
        for metric, pair in outcome.figures.items()
        if pair[0] is not None and not _is_near(*pair)
    ]
    told = {
        "benchmark": "init",
        "shapes": len({shape.folder for shape, _ in outcomes}),
        "right_with_two_answers": len(good - bad),
        "columns": {
            "right": sum(outcome.right for _, outcome in every),
            "wrong": sum(len(outcome.wrong) for _, outcome in every),
            "asked": sum(len(outcome.asked) for _, outcome in every),
        },
        "silent_wrong_figures": silent,
        "aim_met": len(good - bad) >= _AIM and not silent and not any(outcome.wrong for _, outcome in every),
    }
    print(json.dumps(told))
    return int(bool(silent) or any(outcome.wrong for _, outcome in every))


if __name__ == "__main__":
    sys.exit(main())
