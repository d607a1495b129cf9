"""The check of a client: what was read, which metrics can be had, what changed; its exit codes and its page on the quarantine."""

import html
import json
import re
import shutil
import stat
from dataclasses import replace
from datetime import datetime

import duckdb
import numpy as np
import pandas as pd
import pytest
from audited import ACCOUNT
from importing import client_of
from synthetic import HOSTILE, client

from conftest import PROJECT, crmnb, project
from crmnb.cli.shared import client_name
from crmnb.core.period import Period
from crmnb.engine.session import open_tables
from crmnb.evaluate.availability import availability
from crmnb.evaluate.measure import measure
from crmnb.intake import import_data
from crmnb.intake.audit import TableAudit
from crmnb.intake.profile import profile_tables
from crmnb.metrics.definition import catalogue
from crmnb.report.data_check.drift import drift
from crmnb.report.data_check.findings import Checked
from crmnb.report.data_check.readers import readers
from crmnb.report.data_check.sections import as_data, as_text, parts_of
from crmnb.report.pages import quarantine_page
from crmnb.report.text.data_check import availability_reasons, needs_words
from crmnb.report.text.notes import reason_text, sentence
from crmnb.run.data_check import choose_default_period
from crmnb.schema.client import Segment

pytestmark = pytest.mark.usefixtures("columns_known", "warm_fork_server")
YEAR = Period.parse("2025")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The corner shop's project after a check."""
    folder = project(tmp_path_factory.mktemp("checked"))
    assert crmnb(folder, "check", "corner_shop") == 0
    return folder


def found_of(client, taken, *ids, **changes):
    """The availability of each metric (all, or some) in 2025, by id; changes: of the intake."""
    taken, chosen = replace(taken, **changes), [catalogue()[id_] for id_ in ids or catalogue()]
    tables = open_tables(client, taken.tables, cutoff=taken.cutoff)
    found = availability(chosen, tables, YEAR.observe(taken.data_from, taken.cutoff))
    return {each.metric.id: each for each in found}


def reasons_of(item, client) -> tuple[str, ...]:
    return availability_reasons(item, client)


def without(taken, table):
    """The intake's tables and columns without a table."""
    return {what: {k: v for k, v in getattr(taken, what).items() if k != table} for what in ("tables", "columns")}


# ---- Which metrics ----------------------------------------------------------------------------------------


def is_had(rows: pd.DataFrame) -> bool:
    return rows[(rows["part"] == "") & (rows["segment"] == "")]["value"].notna().any()


def test_what_can_be_had_is_what_measuring_gives(corner_shop, corner_shop_intake):
    found = found_of(*corner_shop_intake)
    assert set(found) == set(catalogue())
    for each in found.values():
        rows = corner_shop.results(each.metric.family)
        had = is_had(rows[rows["metric"] == each.metric.id])
        told = each.status != "no"
        assert told >= had if each.metric.published else told == had, (
            each
        )  # whether a model can be fitted takes computing


@pytest.mark.parametrize(
    ("lost", "changes", "ids"),
    [
        ("reviews", {}, ["review_rating", "nps", "purchase_frequency"]),
        ("", {"churn": None}, ["retention_rate", "cohort_retention", "purchase_frequency"]),
        ("", {"items": {}}, ["csat", "ces", "response_rate"]),
        ("orders", {}, ["retention_rate", "repeat_purchase_rate", "acceptance_rate"]),
    ],
)
def test_what_cannot_be_had_is_what_measuring_does_not_give(corner_shop_intake, lost, changes, ids):
    who, taken = corner_shop_intake
    who, less = who.model_copy(update=changes), without(taken, lost)
    found, tables = found_of(who, taken, *ids, **less), open_tables(who, less["tables"])
    for id_ in ids:
        rows = measure(catalogue()[id_], tables, YEAR.observe(taken.data_from, taken.cutoff)).rows
        assert (found[id_].status != "no") == is_had(rows), found[id_]
        assert (found[id_].status == "no") == any("needs" in reason for reason in reasons_of(found[id_], who))
    assert {each.status == "no" for each in found.values()} == {True, False}


def test_without_a_column_that_it_needs_a_metric_is_not_available_and_says_which(corner_shop_intake, tmp_path):
    who, taken = corner_shop_intake
    ids = ["purchase_frequency", "nps", "csat", "acceptance_rate", "response_rate", "review_rating", "review_volume"]
    before = found_of(who, taken, *ids)
    gone = {"orders.ordered_at", "survey_responses.recommend", "survey_invitations.reached_at", "reviews.scale"}
    tables = dict(taken.tables)
    for table, _, column in (name.partition(".") for name in gone):
        tables[table] = tmp_path / f"{table}.parquet"
        duckdb.sql(f"select * exclude ({column}) from '{taken.tables[table]}'").write_parquet(str(tables[table]))
    after = found_of(who, taken, *ids, tables=tables)
    period = YEAR.observe(taken.data_from, taken.cutoff)
    opened = open_tables(who, tables, cutoff=taken.cutoff)
    for id_, each in after.items():
        lacking = gone & set(before[id_].needs)
        assert (each.status == "no") == bool(lacking), id_
        assert set(each.missing) == lacking
        if lacking:  # the reason is the report's
            [column] = lacking
            assert reasons_of(each, who) == (
                reason_text(measure(each.metric, opened, period).rows.iloc[0]["reason"], who),
            )
            assert column in reasons_of(each, who)[0]
            assert f"missing: {column}" in needs_words(each)
    assert {"no", "yes"} <= {each.status for each in after.values()}


DEALS = """privacy: {min_base: 1, suppress_below: 1}
data_from: 2024-10-01
data_until: 2025-12-31
sources: {deals: {file: deals.csv}}
tables:
  leads:
    source: deals
    columns: {lead_id: Record ID, created_at: Create Date, stage: Deal Stage, closed_at: Close Date, amount: Amount}
    values: {stage: {Closed Won: won, Closed Lost: lost, Contract Sent: open}}
"""
DEALS_CSV = "Record ID,Amount,Deal Stage,Create Date,Close Date\n" + "".join(
    f"{n},{n}0,{stage},2025-0{1 + n % 5}-05,{closed}-{10 + n}\n"
    for n, (stage, closed) in enumerate(
        [("Closed Won", "2025-06"), ("Closed Lost", "2025-07"), ("Contract Sent", "2026-03")] * 4
    )
)


def test_of_deals_with_a_stage_the_check_says_what_the_report_says(tmp_path):
    """Of every metric of leads that cannot be had, word by word: columns that follow from the stage are not missed."""
    who = client_of(tmp_path, DEALS, deals_csv=DEALS_CSV)
    taken = import_data(who, tmp_path / "private")
    ids = [name for name, metric in catalogue().items() if metric.has_rows and "leads" in metric.reads]
    found = found_of(who, taken, *ids)
    opened, period = open_tables(who, taken.tables, cutoff=taken.cutoff), YEAR.observe(taken.data_from, taken.cutoff)
    assert {each.status == "no" for each in found.values()} == {True, False}
    for id_, each in found.items():
        rows = measure(each.metric, opened, period).rows
        assert (each.status == "no") == (not is_had(rows)), (id_, rows.iloc[0]["reason"])
        if each.status == "no":
            assert reasons_of(each, who) == (reason_text(rows.iloc[0]["reason"], who),), id_
        assert not {"leads.won_at", "leads.lost_at", "leads.lead_id"} & set(each.missing), id_


def test_a_column_of_a_lead_is_named_although_the_engine_hints_at_others(corner_shop_intake, tmp_path):
    who, taken = corner_shop_intake
    leads = tmp_path / "leads.parquet"
    duckdb.sql(f"select * exclude (won_at) from '{taken.tables['leads']}'").write_parquet(str(leads))
    found = found_of(who, taken, "lead_conversion_rate", tables={**taken.tables, "leads": leads})[
        "lead_conversion_rate"
    ]
    assert found.missing == ("leads.won_at",)
    assert reasons_of(found, who) == ("needs the column leads.won_at",)


def test_the_columns_that_a_metric_needs_are_all_of_them_and_no_more(corner_shop_intake):
    found = found_of(*corner_shop_intake, "csat", "retention_rate", "review_rating")
    assert found["csat"].needs == tuple(f"survey_responses.{c}" for c in ("survey", "responded_at", "satisfied"))
    assert found["retention_rate"].needs == ("orders.customer_id", "orders.ordered_at")
    assert found["review_rating"].needs == tuple(f"reviews.{c}" for c in ("platform", "posted_at", "rating", "scale"))
    of_derived = found_of(*corner_shop_intake, "churn_rate_annualised")["churn_rate_annualised"]
    assert of_derived.needs == found["retention_rate"].needs


def test_a_table_that_is_not_there_is_named_with_its_grain_and_its_columns_are_missing(corner_shop_intake):
    who, taken = corner_shop_intake
    found = found_of(who, taken, "review_volume", **without(taken, "reviews"))
    assert reasons_of(found["review_volume"], who) == ("needs the table reviews: a public review",)
    assert found["review_volume"].missing == ("reviews.platform", "reviews.posted_at")


def test_rows_without_a_customer_and_segmentations_that_do_not_apply_make_it_partly(corner_shop_intake):
    who, taken = corner_shop_intake
    found = found_of(who, taken, "retention_rate", "nps")
    assert found["retention_rate"].status == "partly"
    assert "2 of 26 orders in 2025 have no customer" in reasons_of(found["retention_rate"], who)[0]
    assert found["nps"].status == "yes"
    segments = {**who.segments, "where": Segment(column="orders.channel")}
    found = found_of(who.model_copy(update={"segments": segments}), taken, "repeat_purchase_rate", "nps")
    assert found["nps"].status == "yes"  # of answers, nobody expects a breakdown by the orders' channel
    assert any("no breakdown by where" in reason for reason in reasons_of(found["repeat_purchase_rate"], who))


def test_a_history_that_is_too_short_is_said_for_the_part_that_lacks_it(corner_shop_intake):
    who, taken = corner_shop_intake
    short = found_of(who, taken, "retention_rate", data_from=datetime(2024, 6, 1))
    assert short["retention_rate"].status == "partly"  # 2024 is partial, and that is said of all metrics together
    late = found_of(who, taken, "retention_rate", data_from=datetime(2023, 12, 1))["retention_rate"]
    assert any("no comparison: 2024 needs data from 3 October 2023" in reason for reason in reasons_of(late, who))
    assert not any("trend" in reason for reason in reasons_of(late, who))
    none = found_of(who, taken, "retention_rate", data_from=datetime(2024, 12, 1))["retention_rate"]
    assert none.status == "no"
    assert "needs data from 3 October 2024" in reasons_of(none, who)[0]


def test_a_table_without_a_row_in_the_period_is_said(corner_shop_intake, tmp_path):
    who, taken = corner_shop_intake
    old = tmp_path / "reviews.parquet"
    rows = duckdb.read_parquet(str(taken.tables["reviews"])).filter("posted_at < timestamp '2025-01-01'")
    rows.write_parquet(str(old))
    found = found_of(who, taken, "review_rating", "review_volume", tables={**taken.tables, "reviews": old})
    assert (found["review_rating"].status, found["review_volume"].status) == ("no", "partly")
    assert reasons_of(found["review_rating"], who) == ("the table reviews holds no row of 2025",)


def contracts(tmp_path, rows: str):
    """A client of contracts that lasted, as (started, ended), and data from 2023 to 2025."""
    text = "".join(f"{at},c{at},{row},10\n" for at, row in enumerate(rows.split()))
    who = client_of(
        tmp_path,
        "data_from: 2023-01-01\ndata_until: 2025-12-31\nprivacy: {min_base: 1, suppress_below: 1}\nsources: {s: {file: s.csv}}\nchurn: {kind: contractual, table: subscriptions}\n"
        "tables: {subscriptions: {source: s, columns: {subscription_id: No, customer_id: Who, started_at: From, ended_at: To, "
        "monthly_amount: Sum}}}\n",
        s_csv=f"No,Who,From,To,Sum\n{text}",
    )
    return who, import_data(who, tmp_path / "private")


LASTING = ["retention_rate", "churn_rate", "customer_base_growth", "gross_revenue_retention", "net_revenue_retention"]


@pytest.mark.parametrize(
    ("rows", "had"),
    [
        ("2023-03-01, 2023-05-01,2025-06-01", True),  # none begins in 2025, all last into it
        ("2025-03-01, 2025-05-01,", False),  # all begin in 2025, so nobody was a customer at its start
        ("2023-03-01,2024-05-01 2023-05-01,2024-06-01", False),  # all over before it
    ],
)
def test_what_lasts_through_the_period_is_counted_and_what_begins_in_it_is_not(tmp_path, rows, had):
    who, taken = contracts(tmp_path, rows)
    period = YEAR.observe(taken.data_from, taken.cutoff)
    for each in found_of(who, taken, *LASTING).values():
        told = measure(each.metric, open_tables(who, taken.tables, cutoff=taken.cutoff), period).rows
        assert is_had(told) == had, each.metric.id
        assert (each.status != "no") == had, each
        if not had:
            assert reasons_of(each, who) == (reason_text(told.iloc[0]["reason"], who),)


@pytest.mark.parametrize(
    ("first", "end", "starts", "label", "said"),
    [
        ("2023-10-01", "2026-01-01", 1, "2025", "last complete year"),
        ("2023-10-01", "2025-12-31", 1, "2024", "last complete year"),
        ("2023-10-01", "2025-12-31", 4, "FY2025", "last complete year"),
        ("2025-03-01", "2025-12-01", 1, "2025-03-01..2025-11-30", "all data"),
        ("1900-06-01", "1900-06-02", 1, "1900-06-01..1900-06-01", "all data"),
        ("0900-06-01", "1899-01-02", 4, "0900-06-01..1899-01-01", "all data"),
        (None, "1900-06-02", 1, "1900-06-01..1900-06-01", "all data"),
        ("2190-01-01", "2300-01-01", 1, "2200", "last complete year"),
        (None, None, 1, str(datetime.now().year - 1), "no dated events"),  # noqa: DTZ005
    ],
)
def test_the_last_whole_year_is_chosen(corner_shop_intake, first, end, starts, label, said):
    who, taken = corner_shop_intake
    days = {"data_from": first and datetime.fromisoformat(first), "cutoff": end and datetime.fromisoformat(end)}
    period, words = choose_default_period(who.model_copy(update={"fiscal_year_starts": starts}), replace(taken, **days))
    assert period.label == label
    assert said in words


# ---- Drift ------------------------------------------------------------------------------------------------

ORDERS = {"order_id": "VARCHAR", "ordered_at": "TIMESTAMP", "amount": "DECIMAL(18, 4)", "margin": "DECIMAL(18, 4)"}
ORDERS |= {"channel": "VARCHAR", "refunded_at": "TIMESTAMP", "status": "VARCHAR", "units": "DOUBLE"}
TEXT = "sources: {till: {file: a.csv}}\ntables: {orders: {source: till, columns: {order_id: o, ordered_at: a, amount: x, status: s}}}\n"


def orders(months: int, seed: int = 1, start: str = "2023-01-01", each: int = 120) -> pd.DataFrame:
    """So many months of orders; those of the same seed and start are the same up to where the shorter end."""
    frames = []
    for month, first in enumerate(pd.date_range(start, periods=months, freq="MS")):
        rng = np.random.default_rng([seed, first.year, first.month])
        n = rng.poisson(each)
        frame = pd.DataFrame({"order_id": [f"{month}-{i}" for i in range(n)]})
        frame["ordered_at"] = first + pd.to_timedelta(rng.integers(0, 28 * 86_400, n), "s")
        frame["amount"] = rng.lognormal(3, 1, n).round(2)
        frame["margin"] = np.where(rng.random(n) < 0.3, np.nan, frame["amount"] / 5)
        frame["channel"] = rng.choice(["web", "shop", "phone"], n, p=[0.7, 0.25, 0.05])
        frame["refunded_at"] = (frame["ordered_at"] + pd.Timedelta(days=5)).where(rng.random(n) < 0.1)
        frame["status"], frame["units"] = "paid", rng.integers(1, 9, n).astype(float)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def seen(tmp_path):
    """Drift between two frames of orders."""
    who = client_of(tmp_path, TEXT, a_csv="x")

    def profile(frame, columns, headers, day):
        with duckdb.connect() as con:
            con.register("frame", frame)
            listed = ", ".join(f'"{name}"::{type_} as "{name}"' for name, type_ in columns.items())
            con.sql(f"select {listed} from frame").write_parquet(str(tmp_path / "orders.parquet"))
            paths = {"orders": tmp_path / "orders.parquet"}
            return replace(profile_tables(con, who, paths, {"orders": columns}, {"till": headers}), day=day)

    def between(before, now, types=ORDERS, headers=("o", "a"), day="2025-02-05", **changes):
        old = profile(before, ORDERS, ["o", "a"], "2025-01-05")
        return drift(replace(profile(now, types, list(headers), day), **changes), old, who, readers(who))

    return between


def test_nothing_is_told_of_unchanged_data_or_of_the_first(seen, corner_shop_intake):
    assert seen(orders(24), orders(24)) == ()
    who, taken = corner_shop_intake
    assert drift(taken.profile, taken.profile, who, {}) == ()
    assert drift(taken.profile, None, who, {}) == ()


@pytest.mark.parametrize("months", [2, 3, 6, 24])
def test_data_that_merely_grew_a_month_raise_no_alarm(seen, months):
    for seed in range(12):
        found = seen(orders(months, seed), orders(months + 1, seed))
        assert found == (), (seed, found)


def test_a_window_that_moved_on_by_a_month_raises_no_alarm(seen):
    for seed in range(5):
        assert seen(orders(24, seed), orders(24, seed, "2023-02-01")) == ()


def changed(**columns) -> pd.DataFrame:
    """Twenty-five months of orders in which columns are otherwise: a function of the frame."""
    frame = orders(25)
    return frame.assign(**{name: make(frame) for name, make in columns.items()})


def late(frame, value, otherwise):
    """The value in the newest month's rows, so that it is what came."""
    return np.where(frame["ordered_at"] >= "2025-01-01", value, otherwise)


DRIFTS = {
    "missing, more": (
        lambda: changed(margin=lambda f: f["margin"].where(f.index % 4 == 0)),
        "orders.margin",
        "orders.margin is missing in 8",
    ),
    "missing, from none": (
        lambda: changed(channel=lambda f: f["channel"].where(f.index % 100 > 0)),
        "orders.channel",
        "is missing in 1.0% of the rows, before in 0%",
    ),
    "range, higher": (lambda: changed(amount=lambda f: f["amount"] * 100), "orders.amount", "orders.amount goes from"),
    "range, lower": (
        lambda: changed(margin=lambda f: -20 * f["margin"]),
        "orders.margin",
        "orders.margin goes from \N{MINUS SIGN}",
    ),
    "range, shrunk": (lambda: changed(amount=lambda f: f["amount"] / 100), "orders.amount", "orders.amount goes from"),
    "time, early": (
        lambda: changed(refunded_at=lambda f: f["refunded_at"].where(f.index > 0, pd.Timestamp("1900-01-01"))),
        "orders.refunded_at",
        "from 1 January 1900 to",
    ),
    "time, to come": (
        lambda: changed(refunded_at=lambda f: f["refunded_at"].where(f.index > 0, pd.Timestamp("2099-01-01"))),
        "orders.refunded_at",
        "to 1 January 2099",
    ),
    "category, new": (
        lambda: changed(channel=lambda f: late(f, "WEB", f["channel"])),
        "orders.channel",
        "contains new categories: 'WEB'",
    ),
    "category, vanished": (
        lambda: changed(channel=lambda f: f["channel"].replace("phone", "shop")),
        "orders.channel",
        "no longer contains these categories: 'phone'",
    ),
    "categories, no more": (
        lambda: changed(channel=lambda f: [f"caller {i % 400}" for i in f.index]),
        "orders.channel",
        "more than 6 different values, before 3",
    ),
    "rows, fewer": (lambda: orders(25).iloc[::3], "orders", "orders has"),
    "rows, more": (lambda: orders(25, each=240), "orders", "orders has"),
    "export, older": (lambda: orders(23), "orders.ordered_at", "is this an older export?"),
    "history, lost": (lambda: orders(13, start="2024-01-01"), "orders.ordered_at", "the days between are missing"),
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_each_kind_of_drift_is_told_and_no_other(seen, kind):
    make, where, words = DRIFTS[kind]
    found = seen(orders(24), make())
    assert {each.where for each in found} == {where}, found
    sentences = [sentence(each.change, client()) for each in found]
    assert any(words in text for text in sentences), sentences
    assert all(where in text for text in sentences)
    for each in found:
        assert "Repeat purchase rate" in each.may_affect


def test_types_columns_and_tables_that_came_went_or_changed_are_told(seen):
    types = {name: type_ for name, type_ in ORDERS.items() if name != "margin"} | {
        "units": "VARCHAR",
        "extra": "DOUBLE",
    }
    found = seen(orders(24), orders(24).assign(extra=1.0), types, headers=("o", "b"))
    assert {each.where: each.change.code for each in found} == {
        "till: a": "source_column_removed",
        "till: b": "source_column_added",
        "orders.margin": "column_removed",
        "orders.extra": "column_added",
        "orders.units": "column_type",
    }
    [types_changed] = [each for each in found if each.change.code == "column_type"]
    assert sentence(types_changed.change, client()) == "orders.units contains text, before numbers."
    assert all("Repeat purchase rate" in each.may_affect for each in found)


def test_tables_that_came_or_went_are_told(corner_shop_intake):
    who, taken = corner_shop_intake
    now, titles = taken.profile, readers(who)
    fewer = replace(now, rows={name: n for name, n in now.rows.items() if name != "reviews"})
    (went,), (came,) = drift(fewer, now, who, titles), drift(now, fewer, who, titles)
    assert [(each.where, each.change.code) for each in (went, came)] == [
        ("reviews", "table_removed"),
        ("reviews", "table_added"),
    ]
    assert "Review rating" in went.may_affect


def test_personal_values_are_in_no_drift(seen, corner_shop_intake):
    who, taken = corner_shop_intake
    column = replace(taken.profile.columns["customers"]["name"], levels={"Ann Smith": 99})
    columns = {**taken.profile.columns, "customers": {**taken.profile.columns["customers"], "name": column}}
    assert drift(replace(taken.profile, columns=columns), taken.profile, who, {}) == ()
    assert drift(taken.profile, replace(taken.profile, columns=columns), who, {}) == ()


# ---- Told -------------------------------------------------------------------------------------------------


def told(corner_shop_intake, who=None, width=100, **changes) -> str:
    client_, taken = corner_shop_intake
    who = who or client_
    changes = {"audits": (ACCOUNT,)} | changes
    period = YEAR.observe(taken.data_from, taken.cutoff)
    checked = Checked(who, replace(taken, **changes), period, "as asked for", (), (), PROJECT, PROJECT)
    assert len(parts_of(checked)) == 3
    return as_text(checked, width)


def test_rows_totals_links_and_lines_are_told(corner_shop_intake):
    text = told(corner_shop_intake)
    assert re.search(r"orders +source till +3,400 +3,381 +19 \(0\.6%\)", text)
    for words in (
        "rejected: ordered_at is no date, 14 rows",
        "amount: 1,234,567,890,123.45 accepted, \N{MINUS SIGN}47.00 rejected; 2 rows had no readable amount",
        "customer_id → customers: 12 of 3,400 rows refer to an unknown customer (0.4%)",
        "3 of 9,000 lines of the source till belong to no row (under 0.1%)",
        "amount: 100.1234 in all lines, 98.00 in lines that belong to a row, 98.00 in the rows",
    ):
        assert words in re.sub(r"\s+", " ", text), words
    assert "\x1b" not in text


def test_numbers_are_written_as_the_client_does(corner_shop_intake):
    who, _ = corner_shop_intake
    text = told(corner_shop_intake, who.model_copy(update={"locale": "nl_NL"}))
    assert "12 of 3.400" in text
    assert "1.234.567.890.123,45" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(corner_shop_intake, width):
    who, taken = corner_shop_intake
    period = YEAR.observe(taken.data_from, taken.cutoff)
    some = availability([catalogue()["review_volume"]], open_tables(who, taken.tables, cutoff=taken.cutoff), period)
    checked = Checked(
        who, replace(taken, previous_profile=taken.profile), period, "as asked for", some, (), PROJECT, PROJECT
    )
    text = as_text(checked, width)
    assert max(map(len, text.splitlines())) <= width
    assert "review_volume" in text
    assert "No changes apart from" in re.sub(r"\s+", " ", text)


def test_metrics_that_lack_a_table_are_folded_to_a_line_per_table(corner_shop_intake):
    """And every metric stays in the data and on the page."""
    who, taken = corner_shop_intake
    taken = replace(taken, **{key: {"reviews": getattr(taken, key)["reviews"]} for key in ("tables", "columns")})
    period = YEAR.observe(taken.data_from, taken.cutoff)
    metrics = availability(catalogue().values(), open_tables(who, taken.tables, cutoff=taken.cutoff), period)
    checked = Checked(who, taken, period, "as asked for", metrics, (), PROJECT, PROJECT)
    text = re.sub(r"\s+", " ", as_text(checked, 100))
    lacking = [item for item in metrics if item.missing and item.missing[0].startswith("loyalty.")]
    assert [item.metric.id for item in lacking] == ["loyalty_participation"]
    assert "- loyalty: a membership; Loyalty participation" in text
    assert re.search(r"- orders: an order \(not a line of it\); \d\d metrics, such as [^-]+ and [^-]+ -", text)
    assert "Average order value" not in text
    assert "Review rating [review_rating]" in text
    assert len(as_data(checked)["metrics"]) == len(catalogue())


# ---- The command ------------------------------------------------------------------------------------------


def test_the_command_tells_all_and_writes_two_private_pages(shop, capsys):
    assert crmnb(shop, "check", "corner_shop", "--period", "2025") == 0
    out = capsys.readouterr()
    assert out.err == ""
    assert re.search(r"orders +source orders +54 +52 +2 \(3\.7%\)", out.out)
    assert "Period: 2025" in out.out
    assert "This is the first import" in out.out
    for name in ("check", "quarantine"):
        page = shop / f"outputs/corner_shop/.private/{name}.html"
        assert f"{name}.html" in out.out
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        assert "Corner Shop" in page.read_text()
    names = pd.read_csv(PROJECT / "parameters/corner_shop/customers.csv", dtype=str)["Name"].dropna()
    pages = [path.read_text() for path in (shop / "outputs/corner_shop/.private").glob("*.html")]
    assert not [name for name in names for text in [out.out, *pages] if name in text]


def test_as_data(shop, capsys):
    assert crmnb(shop, "check", "corner_shop", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert {each["metric"] for each in said["metrics"]} == set(catalogue())
    assert said["period"]["label"] == "2025"
    assert {each["table"]: each["read"] for each in said["accounts"]}["orders"] == 54
    assert said["drift"] == {"since": None, "changes": []}


def test_what_changed_since_the_last_reading_is_told(shop, tmp_path, capsys, corner_shop_intake):
    folder = shutil.copytree(shop, tmp_path / "shop")
    file = folder / "parameters/corner_shop/orders.csv"
    file.write_text(file.read_text().replace(";web;", ";kiosk;"))
    capsys.readouterr()
    for _ in range(2):  # the second time, nothing is read again
        assert crmnb(folder, "check", "corner_shop") == 0
        text = re.sub(r"\s+", " ", capsys.readouterr().out)
        assert "orders.channel contains new categories: 'kiosk'." in text
        assert f"May affect: {readers(corner_shop_intake[0])['orders'][0]}" in text
    assert "kiosk" in (folder / "outputs/corner_shop/.private/check.html").read_text()


def test_a_client_without_files_is_skipped_and_one_with_some_of_them_is_wrong(tmp_path, capsys):
    folder = project(tmp_path)
    files = sorted((folder / "parameters/corner_shop").iterdir())
    files.pop().unlink()
    for arguments in (["check", "corner_shop"], ["run", "corner_shop", "--period", "2025"]):
        assert crmnb(folder, *arguments) == 2
        assert "does not exist" in capsys.readouterr().err
    for file in files:
        file.unlink()
    for arguments in (["check", "corner_shop"], ["run", "corner_shop", "--period", "2025"]):
        assert crmnb(folder, *arguments) == 3
        out = capsys.readouterr()
        assert out.err.startswith("crmnb: skipped: ")
        assert out.out == ""


@pytest.mark.parametrize(
    "name", ["corner_shop.yml", "parameters/corner_shop.yml", "./parameters/../parameters/corner_shop.yml"]
)
def test_the_path_of_the_parameters_file_names_the_client(shop, monkeypatch, name):
    monkeypatch.chdir(shop)
    assert client_name(name) == "corner_shop"


def test_a_parameters_file_elsewhere_is_refused(shop, capsys):
    with pytest.raises(SystemExit) as stop:
        crmnb(shop, "check", "elsewhere/corner_shop.yml")
    assert stop.value.code == 2
    assert "must be in" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["corner_shopp"], ["corner_shop", "--period", "25"], ["../../x"]])
def test_what_is_wrong_is_said_in_a_line(shop, capsys, arguments):
    assert crmnb(shop, "check", *arguments) == 2
    out = capsys.readouterr()
    assert out.err.startswith("crmnb: ")
    assert out.out == ""


def test_refused_data_have_their_page_too(tmp_path, capsys):
    folder = project(tmp_path)
    file = folder / "parameters/corner_shop/orders.csv"
    file.write_text(re.sub(r"(;\d+/\d+)/2024", r"\1/20x4", file.read_text()))
    assert crmnb(folder, "check", "corner_shop") == 2
    assert "bad_rows_allowed" in capsys.readouterr().err
    private = folder / "outputs/corner_shop/.private"
    page = private / "quarantine.html"
    assert "Import stopped" in page.read_text()
    assert str(tmp_path) not in page.read_text()
    links = re.findall(r'<a href="([^"#]+)">', page.read_text())
    assert links
    assert all((private / link).is_file() for link in links)


def test_a_run_writes_the_page_on_the_quarantine(made):
    page = made / "outputs/corner_shop/.private/quarantine.html"
    assert "31/02/2025" in page.read_text()
    links = re.findall(r'<a href="([^"#]+)">', page.read_text())
    assert links
    assert all((page.parent / link).is_file() for link in links)


def test_help_and_exit_codes(capsys):
    from crmnb.cli import main

    for command in ("run", "check"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert "\n  3  skipped" in capsys.readouterr().out


# ---- The page on the quarantine ---------------------------------------------------------------------------

TILL = client(
    sources={"till": {"file": "exports/till_*.csv"}},
    tables={"orders": {"source": "till", "columns": {"amount": "Total"}}},
)
TOUCHED = {"orders": ("Repeat purchase rate",)}


def quarantine(folder, *accounts, who=TILL, **more) -> str:
    """The page's text, without its head."""
    text = quarantine_page(who, accounts or (ACCOUNT,), folder / "q", folder, TOUCHED, **more)
    return text.partition("<body>")[2]


def test_the_page_says_which_few_causes_spoil_most_rows(tmp_path):
    text = quarantine(tmp_path)
    assert "orders: 19 of 3,400 rows rejected (0.6%)" in text
    assert "The first 2 of 3 causes make 95.2% of the errors: start there." in text
    figures = re.findall(r'<td class="num">([^<]*)</td>', text)
    assert figures == ["14", "73.7%", "66.7%", "12", "6", "31.6%", "95.2%", "4", "1", "5.3%", "100%", "1"]
    assert re.findall(r'<rect class="range" width="([\d.]+)"', text) == ["73.7", "31.6", "5.3"]
    assert "Some rows have several causes" in text
    assert "Column in the file: Total" in text
    assert text.count("<li>Ask what these are.</li>") == 1
    assert "Repeat purchase rate." in text


def test_the_page_links_the_files_that_are_there(tmp_path):
    assert "href=" not in quarantine(tmp_path).partition("<main")[2]
    (tmp_path / "q").mkdir()
    (tmp_path / "q/orders.csv").touch()
    assert re.findall(r'<a href="([^"#]+)"', quarantine(tmp_path)) == ["q/orders.csv"]
    (tmp_path / "q/orders.xlsx").touch()
    assert re.findall(r'<a href="([^"#]+)"', quarantine(tmp_path)) == ["q/orders.xlsx", "q/orders.csv"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"file": "exports/till_*.xlsx"}, ["Correct the cells", "a name that matches till_*.xlsx"]),
        ({"file": "exports/till.csv"}, ["in the folder of till.csv", "sources.till.file", "exports/till*."]),
        ({"file": "exports/till_*"}, ["Correct the cells", "a name that matches till_*."]),
        ({"file": "exports/till_*.csv.gz"}, ["in the folder of till_*.csv.gz", "exports/till_*."]),
        ({"file": "till.parquet"}, ["at their source"]),
        ({"database": "sqlite:///x", "table": "t"}, ["at their source"]),
    ],
)
def test_the_page_says_how_to_send_the_rows_again(tmp_path, source, words):
    text = quarantine(tmp_path, who=TILL.model_copy(update={"sources": client(sources={"till": source}).sources}))
    for each in words:
        assert each in text
    assert ("Correct the cells" in text) == (words[0] != "at their source")


def test_the_rows_of_a_query_and_of_its_source_are_mended_where_they_come_from(tmp_path):
    made, lines = replace(ACCOUNT, source="query"), replace(ACCOUNT, table="")
    assert "in the files that its query reads" in quarantine(tmp_path, made)
    (tmp_path / "q/sources").mkdir(parents=True)
    (tmp_path / "q/sources/till.csv").touch()
    text = quarantine(tmp_path, lines)
    assert "source till: 19 of 3,400 rows" in text
    assert 'href="q/sources/till.csv"' in text


def test_the_page_says_plainly_that_nothing_was_set_aside(tmp_path):
    text = quarantine(tmp_path, TableAudit("orders", "till", 54, 54, 0))
    assert "54 rows were read, none was rejected." in text
    assert "<table" not in text


def test_hostile_texts_are_shown_as_they_are(tmp_path):
    cause = replace(ACCOUNT.causes[0], reason=HOSTILE, examples=(HOSTILE,), request=HOSTILE)
    text = quarantine(tmp_path, replace(ACCOUNT, causes=(cause,)), who=TILL.model_copy(update={"name": HOSTILE}))
    assert "<script" not in text
    assert "<script>alert(1)</script>" in html.unescape(text)


def test_data_of_1900_are_looked_at_too(tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters/old.yml").write_text(f"name: Old\ncurrency: GBP\n{TEXT}")
    (tmp_path / "parameters/a.csv").write_text("o,a,x,s\n1,1900-06-01,1,paid\n")
    assert crmnb(tmp_path, "check", "old") == 0
    assert "Period: 1 June 1900, all data" in capsys.readouterr().out
