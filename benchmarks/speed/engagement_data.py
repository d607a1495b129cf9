"""The data of the benchmark `engagement`: e-mails and web sessions of any number, the same bytes' worth of rows every time.

Canonical tables as the intake would leave them: Parquet sorted by time, keys as text. Nothing is drawn at random; every value comes from a
hash of the row's number, so the peer and a later run see the same rows. A fifth of the customers' mail services open everything in
advance; every fourth mailing is a test of a personalised message; busy visitors and rare ones, some of whose sessions name a customer.
"""

from pathlib import Path

from benchmarks.speed.made_up_shop import CUTOFF, FIRST, PERIOD, SECONDS, UNIT, make_files, shop

__all__ = ["CUTOFF", "PERIOD", "TABLES", "client", "make"]

TABLES = ("customers", "sends", "visits")
_TIME = f"create macro moment(seconds) as timestamp '{FIRST}' + to_seconds(floor(seconds)::bigint)"
_CUSTOMER = "create macro customer(i) as 'C' || lpad(floor(i)::bigint::varchar, 8, '0')"
_LATER = "create macro later(time, seconds) as time + to_seconds(floor(seconds)::bigint)"
_DAY = 86_400
client = shop


def make(rows: int) -> dict[str, Path]:
    """The tables' files, for so many e-mails and as many sessions; kept in the system's temporary folder between runs."""
    return make_files("engagement", rows, TABLES, (UNIT, _TIME, _CUSTOMER, _LATER), _query_of)


def _query_of(name: str, rows: int) -> str:
    people = max(rows // 10, 1)
    queries = {
        "customers": _customers(people),
        "sends": f"select * from ({_sends(people, rows)}) order by sent_at",
        "visits": f"select * from ({_visits(people, rows)}) order by started_at",
    }
    return queries[name]


def _customers(people: int) -> str:
    return f"""
        select customer(i) as customer_id, case when unit(i, 11) >= 0.02 then ['North', 'East', 'South', 'West', 'Centre', 'Islands']
            [1 + (6 * unit(i, 12) ** 1.5)::int % 6] end as region
        from range({people}) r(i)"""


def _sends(people: int, rows: int) -> str:
    return f"""
        with messages as (
            select i, floor({people} * unit(i, 20) ** 1.3)::bigint as who, moment({SECONDS} * (i + unit(i, 21)) / {rows}) as sent_at,
                unit(i, 22) as luck, unit(i, 23) as arrives, floor(156 * i / {rows})::int as mailing
            from range({rows}) r(i)),
        known as (
            select *, arrives < 0.96 as arrived, unit(who, 24) < 0.2 as machine, unit(i, 25) < 0.5 as personal, unit(i, 26) * 9 * {_DAY} as after
            from messages)
        select 'M' || lpad(i::varchar, 9, '0') as send_id, 'mailing ' || mailing as campaign,
            case when unit(i, 27) < 0.98 then 'e-mail' else 'letter' end as channel, customer(who) as customer_id, sent_at,
            case when arrives < 0.99 then arrived end as delivered,
            case when arrived and machine then later(sent_at, 60) when arrived and luck < 0.3 + 0.05 * personal::int then later(sent_at, after) end as opened_at,
            arrived and machine as machine_open,
            case when arrived and luck < 0.05 + 0.02 * personal::int then later(sent_at, after + 600) end as clicked_at,
            case when arrived and luck > 0.995 then later(sent_at, after) end as unsubscribed_at,
            case when unit(i, 28) > 0.01 then personal end as personalised,
            case when mailing % 4 = 0 then 'test ' || mailing end as experiment
        from known"""


def _visits(people: int, rows: int) -> str:
    return f"""
        with sessions as (
            select i, floor({max(rows // 3, 1)} * unit(i, 50) ** 1.6)::bigint as visitor, unit(i, 56) as luck from range({rows}) r(i))
        select 'W' || lpad(i::varchar, 9, '0') as visit_id, 'B' || lpad(visitor::varchar, 9, '0') as visitor_id,
            case when unit(i, 51) < 0.3 and unit(visitor, 52) < 0.5
                then customer({people} * unit(visitor + (unit(i, 53) < 0.02)::int, 54)) end as customer_id,
            moment({SECONDS} * (i + unit(i, 55)) / {rows}) as started_at,
            case when luck < 0.3 then null when luck < 0.35 then 0.0 else floor(20 - 90 * ln(1 - unit(i, 57))) end::double as seconds,
            case when luck < 0.35 then 1 when luck < 0.99 then 2 + floor(6 * unit(i, 58)) end::bigint as pages,
            case when unit(i, 59) < 0.97 then ['search', 'direct', 'mail', 'ads'][1 + floor(4 * unit(i, 60) ** 1.4)::int] end as source
        from sessions"""
