"""The peer of the benchmark `metrics` in SQL: written by hand for this client, as a good engineer would for DuckDB.

What several questions share (the customers at the turn of a month, first orders, orders per customer) is computed once.
The intervals come from `benchmarks.speed.metrics_figures`; that of the change since the comparison period, which the suite
also gives, is left out.
"""

import os
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.speed.metrics_data import PERIOD
from benchmarks.speed.metrics_figures import (
    KEYS,
    UNKNOWN,
    WINDOWS,
    counts,
    customers,
    figures,
    in_windows,
    squares_by_keys,
    triangle,
)

DAYS = 90  # of inactivity, and of follow-up
ANSWER_DAYS = 14  # that an invitation is followed for
SUMS = "sum(num) as num, sum(den) as den, sum(n) as n, sum(clusters) as clusters, sum(nn) as nn, sum(nd) as nd, sum(dd) as dd, sum(magnitude) as magnitude"


def run(files: dict[str, Path]) -> pd.DataFrame:
    """Every figure of both families."""
    con = duckdb.connect(config={"threads": os.cpu_count() or 1})
    con.execute("set preserve_insertion_order = false")
    for name, file in files.items():
        con.read_parquet(str(file)).create_view(name)
    con.execute("create temp table who as select customer_id, region from customers where region is not null")
    return pd.concat([*_satisfaction(con), *_retention(con)], ignore_index=True)


# --- satisfaction -----------------------------------------------------------------------------------------------------


def _satisfaction(con):
    answered = "select survey as breakdown, customer_id, responded_at as seen, {} as num from survey_responses where {} is not null"
    for metric, num, item in (
        ("csat", "(satisfied >= 4)::int", "satisfied"),
        ("csat_mean", "(satisfied - 1) * 25", "satisfied"),
        ("nps", "(recommend >= 9)::int - (recommend <= 6)::int", "recommend"),
        ("ces", "effort", "effort"),
        ("ces_low_effort", "(effort < 4)::int", "effort"),
    ):
        yield figures(metric, _by_row(con, answered.format(num, item)))
    in_time = f"<= sent_at + interval {ANSWER_DAYS} day"
    asked = f"""
        select survey as breakdown, customer_id, sent_at as seen, coalesce({{}} {in_time}, false)::int as num
        from survey_invitations where sent_at <= '{PERIOD.cutoff}'::timestamp - interval {ANSWER_DAYS} day and {{}}"""
    yield figures("acceptance_rate", _by_row(con, asked.format("started_at", f"reached_at {in_time}")))
    yield figures("completion_rate", _by_row(con, asked.format("completed_at", f"started_at {in_time}")))
    of_all = _by_row(con, asked.format("completed_at", "true"))
    of_reached = _by_row(con, asked.format("completed_at", f"reached_at {in_time}"))
    of_reached["breakdown"] += ", cooperation rate (COOP1)"
    yield figures("response_rate", pd.concat([of_all, of_reached], ignore_index=True))
    rated = "select platform as breakdown, customer_id, posted_at as seen, (rating - 1) / (scale - 1) * 100 as num from reviews"
    yield figures("review_rating", _by_row(con, rated))
    yield figures(
        "review_volume", _per_day(con, "select platform as breakdown, customer_id, posted_at as seen from reviews")
    )


def _by_row(con, rows: str) -> pd.DataFrame:
    """The sums of rows (breakdown, customer_id, seen, num), by customer first."""
    start, middle, end = WINDOWS["comparison"].start, WINDOWS["current"].start, WINDOWS["current"].end
    con.execute(f"""
        create or replace temp table by_year as
        select breakdown, seen >= '{middle}' as is_now, customer_id, sum(num)::double as num, count(*) as den,
            sum(abs(num))::double as magnitude
        from ({rows}) where seen >= '{start}' and seen < '{end}' and customer_id is not null group by all;
        create or replace temp table by_month as
        select breakdown, date_trunc('month', seen) as month, customer_id, sum(num)::double as num, count(*) as den,
            sum(abs(num))::double as magnitude
        from ({rows}) where seen >= '{middle}' and seen < '{end}' and customer_id is not null group by all""")
    clustered = "num, den, den as n, 1 as clusters, num * num as nn, num * den as nd, den * den as dd, magnitude"
    single = "num::double as num, 1 as den, 1 as n, 1 as clusters, num * num as nn, num as nd, 1 as dd, abs(num) as magnitude"
    win = "case when is_now then 'current' else 'comparison' end"
    nobody = f"""select *, seen >= '{middle}' as is_now from ({rows})
        where seen >= '{start}' and seen < '{end}' and customer_id is null"""
    return con.sql(f"""
        with year as (
            select breakdown, {win} as win, coalesce(region, '{UNKNOWN}') as level, {clustered}
            from by_year left join who using (customer_id)
            union all select breakdown, {win}, '{UNKNOWN}', {single} from ({nobody})),
        by_level as (select breakdown, win, level, {SUMS} from year group by all),
        month as (
            select breakdown, strftime(month, '%Y-%m') as win, {clustered} from by_month
            union all select breakdown, strftime(date_trunc('month', seen), '%Y-%m'), {single} from ({nobody}) where is_now)
        select breakdown, win, 'region' as segment, level, * exclude (breakdown, win, level) from by_level
        union all by name select breakdown, win, '' as segment, '' as level, {SUMS} from by_level group by all
        union all by name select breakdown, win, '' as segment, '' as level, {SUMS} from month group by all""").df()


def _per_day(con, rows: str) -> pd.DataFrame:
    """The sums of a count of rows (breakdown, customer_id, seen)."""
    days = con.sql(f"""
        select breakdown, date_trunc('day', seen)::timestamp as seen, coalesce(region, '{UNKNOWN}') as level, count(*) as num
        from ({rows}) left join who using (customer_id)
        where seen >= '{WINDOWS["comparison"].start}' and seen < '{WINDOWS["current"].end}' group by all""").df()
    squares = {
        win: con.sql(f"""
            select breakdown, level, sum(case when customer_id is null then times else times * times end)::double as squares from (
                select breakdown, coalesce(region, '{UNKNOWN}') as level, customer_id, count(*) as times
                from ({rows}) left join who using (customer_id)
                where seen >= '{period.start}' and seen < '{period.end}' group by all) group by all""").df()
        for win, period in WINDOWS.items()
    }
    return counts(in_windows(days), squares=squares_by_keys(squares))


# --- retention --------------------------------------------------------------------------------------------------------


def _retention(con):
    con.execute("""
        create temp view counting as select customer_id, ordered_at from orders
        where customer_id is not null and (status = 'paid' or (status = 'refunded' and refunded_amount < amount))""")
    edges = sorted({edge for period in WINDOWS.values() for edge in (period.start, period.end)})
    at_edges = " union all ".join(
        f"select distinct timestamp '{t}' as t, customer_id from counting "
        f"where ordered_at >= timestamp '{t}' - interval {DAYS} day and ordered_at < '{t}'"
        for t in edges
    )
    con.execute(f"create temp table at_edge as {at_edges}")
    con.execute("create temp table firsts as select customer_id, min(ordered_at) as first from counting group by all")
    windows = ", ".join(f"('{win}', timestamp '{p.start}', timestamp '{p.end}')" for win, p in WINDOWS.items())
    con.execute(f"create temp table windows as select * from (values {windows}) v(win, start, stop)")
    at_start, kept = _levels(con, _AT_START), _levels(con, _KEPT)
    at_end = _levels(con, "select win, customer_id, 1 as num from at_edge join windows on t = stop")
    kept = at_start.assign(den=at_start["num"]).drop(columns="num").merge(kept, on=KEYS, how="left").fillna({"num": 0})
    yield figures("retention_rate", customers(kept))
    lost = customers(kept.assign(num=kept["den"] - kept["num"]))
    yield figures("churn_rate", lost)
    yield figures("churn_rate_annualised", lost[lost["win"].isin(["current", "comparison"])])  # of a year alone
    both = kept.merge(at_end, on=KEYS, suffixes=("_kept", ""))
    yield figures(
        "customer_base_growth", both.assign(n=both["den"] + both["num"] - both["num_kept"], clusters=both["num"])
    )
    yield figures("new_customers", _won(con, at_start))
    yield from _purchases(con)
    yield figures("second_purchase_rate", _second(con))
    yield figures("cohort_retention", _cohorts(con))


_AT_START = "select win, customer_id, 1 as num from at_edge join windows on t = start"
_KEPT = """select win, a.customer_id, 1 as num from windows join at_edge a on a.t = start
    semi join at_edge b on b.t = stop and b.customer_id = a.customer_id"""


def _levels(con, rows: str, sums: str = "sum(num)::double as num", breakdown: str = "''") -> pd.DataFrame:
    """Sums of rows (win, customer_id, ...) for the whole of each window, and per region of the whole years."""
    return con.sql(f"""
        with by_level as (
            select {breakdown} as breakdown, win, coalesce(region, '{UNKNOWN}') as level, {sums}
            from ({rows}) left join who using (customer_id) group by all)
        select 'region' as segment, * from by_level where win in ('current', 'comparison')
        union all by name
        select '' as segment, breakdown, win, '' as level, sum(columns(* exclude (breakdown, win, level)))
        from by_level group by all""").df()


def _won(con, at_start: pd.DataFrame) -> pd.DataFrame:
    firsts = con.sql(f"""
        select '' as breakdown, date_trunc('day', first)::timestamp as seen, coalesce(region, '{UNKNOWN}') as level,
            count(*) as num
        from firsts left join who using (customer_id) group by all""").df()
    won = counts(in_windows(firsts))
    per_100 = won.assign(breakdown="per 100 at start")
    exposure = at_start.assign(breakdown="per 100 at start").set_index(KEYS)["num"] / 100
    per_100["den"] = per_100.set_index(KEYS).index.map(exposure)
    back = con.sql(f"""
        with back as (
            select win, start, customer_id, min(ordered_at) as seen
            from windows w join counting o on ordered_at >= start and ordered_at < stop
            group by all),
        kept as (
            select b.* from back b join windows w using (win)
            semi join at_edge e on e.t = w.stop and e.customer_id = b.customer_id
            anti join at_edge s on s.t = w.start and s.customer_id = b.customer_id
            semi join firsts f on f.customer_id = b.customer_id and f.first < w.start)
        select win, date_diff('day', start, seen) as day, coalesce(region, '{UNKNOWN}') as level, count(*) as num
        from kept left join who using (customer_id) group by all""").df()
    by_region = back[back["win"].isin(["current", "comparison"])].assign(segment="region")
    back = pd.concat([back.assign(segment="", level=""), by_region]).assign(breakdown="reactivated")
    return pd.concat([won, per_100, counts(back)], ignore_index=True)


def _purchases(con):
    con.execute(f"""
        create temp table buyers as
        select case when ordered_at >= '{WINDOWS["current"].start}' then 'current' else 'comparison' end as win, customer_id,
            count(distinct ordered_at::date) as orders
        from counting where ordered_at >= '{WINDOWS["comparison"].start}' and ordered_at < '{WINDOWS["current"].end}' group by all
        union all
        select strftime(date_trunc('month', ordered_at), '%Y-%m'), customer_id, count(distinct ordered_at::date)
        from counting where ordered_at >= '{WINDOWS["current"].start}' and ordered_at < '{WINDOWS["current"].end}'
        group by date_trunc('month', ordered_at), customer_id""")
    sums = _levels(
        con,
        "from buyers",
        """sum((orders >= 2)::int)::double as repeated, sum(orders)::double as num, count(*)::double as den,
        sum(orders * orders)::double as nn""",
    )
    yield figures("repeat_purchase_rate", customers(sums.assign(num=sums["repeated"])))
    yield figures("purchase_frequency", customers(sums).assign(num=sums["num"], nn=sums["nn"], nd=sums["num"]))


def _second(con) -> pd.DataFrame:
    rows = f"""
        select win, customer_id, count(distinct ordered_at::date) as orders
        from (select win, customer_id, first from firsts join windows
              on first >= start and first < stop and first <= stop - interval {DAYS} day)
            join (from counting where ordered_at >= '{WINDOWS["comparison"].start}') using (customer_id)
        where ordered_at <= first + interval {DAYS} day group by all"""
    sums = "sum((orders >= 2)::int)::double as num, count(*)::double as den"
    return customers(_levels(con, rows, sums))


def _cohorts(con) -> pd.DataFrame:
    start, end = WINDOWS["comparison"].start, WINDOWS["current"].end
    con.execute(f"""
        create temp table joined as
        select customer_id, date_trunc('month', first) as cohort,
            case when first >= '{WINDOWS["current"].start}' then 'current' else 'comparison' end as win
        from firsts where first >= '{start}' and first < '{end}'""")
    sizes = _levels(con, "from joined", "count(*)::double as den", "strftime(cohort, '%Y-%m')")
    cells = _levels(
        con,
        f"""select win, customer_id, cohort, date_diff('month', cohort, month) as age from joined join (
            select distinct customer_id, date_trunc('month', ordered_at) as month from counting
            where ordered_at >= '{start}' and ordered_at < '{end}') using (customer_id)
            where year(month) = year(cohort)""",
        "count(*)::double as num",
        "strftime(cohort, '%Y-%m') || ' +' || age",
    )
    return customers(triangle(sizes, cells))
