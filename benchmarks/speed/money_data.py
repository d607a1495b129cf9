"""The data of the benchmark `money`: a made-up shop of any size, the same bytes' worth of rows every time.

Canonical tables as the intake would leave them: Parquet sorted by time, keys as text, money as DECIMAL. Nothing is
drawn at random; every value comes from a hash of the row's number, so the peer and a later run see the same rows. Customers
have lives: each joins, buys at a rate and at prices of their own, and goes; so the models that are fitted to them have
something to find.
"""

from pathlib import Path

from benchmarks.speed.made_up_shop import CUTOFF, FIRST, PERIOD, SECONDS, UNIT, make_files, shop
from crmnb.schema.client import Client

__all__ = ["CUTOFF", "FIRST", "PERIOD", "TABLES", "client", "make"]

TABLES = ("customers", "orders", "subscriptions", "leads", "visits", "costs")

_DAY = 86_400
# Waiting times, of mean 1.
_WAIT = "create macro wait(i, salt) as -ln(1 - unit(i, salt))"
_CUSTOMER = "create macro customer(i) as 'C' || lpad(i::bigint::varchar, 8, '0')"
_TIME = f"create macro moment(seconds) as timestamp '{FIRST}' + to_seconds(floor(seconds)::bigint)"
_MONEY = "decimal(18, 4)"


def client() -> Client:
    """The made-up shop, with what it declares of worth."""
    worth = {
        "margin_rate": 0.4,
        "profitable_margin": 50,
        "books": {"2025": 1e8},
        "gains": {"loyalty card": {"gain": 500_000, "low": 300_000, "high": 700_000}},
    }
    return shop(worth=worth)


def make(rows: int) -> dict[str, Path]:
    """The tables' files, for so many orders; kept in the system's temporary folder between runs."""
    return make_files("money", rows, TABLES, (UNIT, _WAIT, _CUSTOMER, _TIME), _query_of)


def _query_of(name: str, rows: int) -> str:
    people = max(rows // 10, 1)
    queries = {
        "customers": f"select * from ({_customers(people)}) order by joined_at",
        "orders": f"select * from ({_orders(people, rows)}) order by ordered_at",
        "subscriptions": f"select * from ({_subscriptions(people, max(rows // 20, 1))}) order by started_at",
        "leads": f"select * from ({_leads(people, max(rows // 50, 1))}) order by created_at",
        "visits": f"select * from ({_visits(people, max(rows // 10, 1))}) order by started_at",
        "costs": f"select * from ({_costs(people)}) order by month",
    }
    return queries[name]


def _joined(i: str) -> str:
    """When a customer joins, in seconds from the first day on; the shop grows."""
    return f"{SECONDS} * unit({i}, 10) ** 0.8"


def _customers(people: int) -> str:
    return f"""
        select customer(i) as customer_id, moment({_joined("i")}) as joined_at,
            case when unit(i, 11) >= 0.02 then ['North', 'East', 'South', 'West', 'Centre', 'Islands']
                [1 + (6 * unit(i, 12) ** 1.5)::int % 6] end as region
        from range({people}) r(i)"""


def _orders(people: int, rows: int) -> str:
    """A first order of everybody as they join; the others by how long and how fast each customer buys: whole numbers, so that
    they add up to as many rows as asked for."""
    return f"""
        with lives as (
            select i, {_joined("i")} as joined, least({SECONDS} - {_joined("i")}, {250 * _DAY} * wait(i, 13) / (0.3 + unit(i, 14)))
                as stays, 14 * (1 - unit(i, 16)) ** -0.35 as spends
            from range({people}) r(i)),
        weights as (select *, (1e-3 * stays * (wait(i, 15) + 0.05))::hugeint as weight from lives),
        shares as (
            select *, sum(weight) over (order by i)::hugeint as upto, sum(weight) over ()::hugeint as total from weights),
        numbers as (
            select *, upto * {rows - people} // total - (upto - weight) * {rows - people} // total as more from shares),
        bought as (select i, joined, stays, spends, unnest(range(more::bigint + 1)) as k from numbers),
        rows as (select *, i * 100000 + k as j from bought),
        priced as (
            select *, moment(joined + case when k > 0 then stays * unit(j, 20) else 0 end) as ordered_at,
                greatest(round(spends * (wait(j, 21) + wait(j, 22)) / 2, 2), 0.5)::{_MONEY} as amount,
                case when unit(j, 23) < 0.03 then 'cancelled' when unit(j, 23) < 0.07 then 'refunded' else 'paid' end as status
            from rows)
        select 'O' || lpad(j::varchar, 14, '0') as order_id,
            case when k = 0 or unit(j, 24) >= 0.03 then customer(i) end as customer_id, ordered_at, amount,
            ['shop', 'web', 'app'][1 + (j % 3)::int] as channel,
            case when unit(j, 25) >= 0.02 then 'category ' || ((i + floor(4 * unit(j, 26) ** 2)) % 12)::bigint end as category,
            status,
            case when status = 'refunded' then (amount * case when unit(j, 27) < 0.5 then 1 else 0.5 end)::{_MONEY} end
                as refunded_amount,
            case when status = 'refunded' and unit(j, 28) > 0.1 then ordered_at + to_days((60 * unit(j, 29))::int) end
                as refunded_at
        from priced"""


def _subscriptions(people: int, rows: int) -> str:
    """Two plans each: the second begins when the first ends, where the customer has not gone by then."""
    return f"""
        with plans as (
            select i, i // 2 as pair, {SECONDS} * unit(i // 2, 30) as begins, {400 * _DAY} * wait(i // 2, 31) as first,
                {500 * _DAY} * wait(i // 2, 32) as second
            from range({rows}) r(i)),
        spans as (
            select *, moment(case when i % 2 = 0 then begins else begins + first end) as started_at,
                moment(case when i % 2 = 0 then begins + first else begins + first + second end) as ended
            from plans where i % 2 = 0 or unit(pair, 33) < 0.6)
        select 'S' || lpad(i::varchar, 8, '0') as subscription_id, customer({people} * unit(pair, 34)) as customer_id, started_at,
            case when ended < timestamp '{CUTOFF}' then ended end as ended_at,
            [9, 19, 29, 49, 99][1 + (5 * unit(i, 35) ** 1.5)::int % 5]::{_MONEY} as monthly_amount
        from spans where started_at < timestamp '{CUTOFF}'"""


def _leads(people: int, rows: int) -> str:
    seen = f"< timestamp '{CUTOFF}'"
    return f"""
        with known as (
            select i, moment({SECONDS} * (i + unit(i, 40)) / {rows}) as created_at, {25 * _DAY} * wait(i, 41) as took, unit(i, 42) as luck
            from range({rows}) r(i)),
        ended as (select *, created_at + to_seconds(took::bigint) as over from known)
        select 'L' || lpad(i::varchar, 8, '0') as lead_id,
            case when luck < 0.25 and over {seen} then customer({people} * unit(i, 43)) end as customer_id, created_at,
            ['web', 'fair', 'referral'][1 + (i % 3)::int] as source,
            case when luck < 0.6 then created_at + to_seconds((took * 0.2)::bigint) end as qualified_at,
            case when luck < 0.4 then created_at + to_seconds((took * 0.5)::bigint) end as proposed_at,
            case when luck < 0.25 and over {seen} then over end as won_at,
            case when luck >= 0.25 and luck < 0.9 and over {seen} then over end as lost_at,
            case when unit(i, 44) > 0.05 then round(200 * wait(i, 45) + 50, 2) end::{_MONEY} as amount
        from known join ended using (i, created_at, took, luck)"""


def _visits(people: int, rows: int) -> str:
    """Busy visitors and rare ones; some of their sessions name a customer, now and then another one."""
    return f"""
        with sessions as (
            select i, floor({max(rows // 3, 1)} * unit(i, 50) ** 1.6)::bigint as visitor from range({rows}) r(i))
        select 'W' || lpad(i::varchar, 9, '0') as visit_id, 'B' || lpad(visitor::varchar, 9, '0') as visitor_id,
            case when unit(i, 51) < 0.3 and unit(visitor, 52) < 0.5
                then customer({people} * unit(visitor + (unit(i, 53) < 0.02)::int, 54)) end as customer_id,
            moment({SECONDS} * (i + unit(i, 55)) / {rows}) as started_at,
            case when unit(i, 56) < 0.7 then 'purchase' when unit(i, 56) < 0.9 then 'newsletter' end as goal,
            case when unit(i, 57) > 0.01 then unit(i, 58) < 0.06 end as converted
        from sessions"""


def _costs(people: int) -> str:
    """Three channels that win customers, and a programme, month by month."""
    months = [f"timestamp '{FIRST.replace(year=FIRST.year + m // 12, month=m % 12 + 1)}'" for m in range(36)]
    won = people / 36
    return " union all ".join(
        f"select {month} as month, case when c < 3 then 'acquisition' else 'retention' end as category, "
        "['search', 'social', 'fairs', null][1 + c::int] as acquisition_channel, "
        f"case when c = 3 then 'loyalty card' end as programme, "
        f"round({won} * (5 + 5 * unit({number} * 10 + c, 60)), 2)::{_MONEY} as amount from range(4) r(c)"
        for number, month in enumerate(months)
    )
