"""The data of the benchmark `metrics`: a made-up shop of any size, the same bytes' worth of rows every time.

Canonical tables as the intake would leave them: Parquet sorted by time, keys as text, money as DECIMAL. Nothing is
drawn at random; every value comes from a hash of the row's number, so the peers and a later run see the same rows.
"""

from pathlib import Path

from benchmarks.speed.made_up_shop import FIRST, PERIOD, SECONDS, UNIT, make_files, shop
from crmnb.schema.client import Client

__all__ = ["PERIOD", "TABLES", "client", "make"]

TABLES = ("customers", "orders", "survey_responses", "survey_invitations", "reviews")

# The squared number makes a few customers far busier than the rest; one row in `without` carries no customer.
_WHO = (
    "create macro who(i, salt, people, without) as case when unit(i, salt + 1) >= without "
    "then 'C' || lpad(floor(people * unit(i, salt) ** 2)::bigint::varchar, 8, '0') end"
)


def client() -> Client:
    """The made-up shop, with three questions of its surveys."""
    items = {
        "satisfied": {"scale": (1, 5)},
        "recommend": {"scale": (0, 10)},
        "effort": {"scale": (1, 7), "direction": "effort"},
    }
    return shop(items=items)


def make(rows: int) -> dict[str, Path]:
    """The tables' files, for so many orders and as many answers; kept in the system's temporary folder between runs."""
    return make_files("metrics", rows, TABLES, (UNIT, _WHO), _query_of)


def _query_of(name: str, rows: int) -> str:
    people, tenth = max(rows // 10, 1), max(rows // 10, 1)
    queries = {
        "customers": f"select * from ({_customers(people)}) order by joined_at",
        "orders": _in_time(_orders(f"{people} * (0.3 + 0.7 * i / {rows})"), rows, "ordered_at", 1),
        "survey_responses": _in_time(_responses(people), rows, "responded_at", 2),
        "survey_invitations": _in_time(_invitations(people), tenth, "sent_at", 3),
        "reviews": _in_time(_reviews(people), tenth, "posted_at", 4),
    }
    return queries[name]


def _in_time(columns: str, rows: int, time: str, salt: int) -> str:
    """Rows spread evenly but irregularly over the days, in the order of time."""
    at = f"timestamp '{FIRST}' + to_seconds(floor({SECONDS} * ((i + unit(i, {salt})) / {rows}))::bigint)"
    return f"with t as (select i, {at} as {time} from range({rows}) r(i)) select {columns} from t order by {time}"


def _customers(people: int) -> str:
    return f"""
        select 'C' || lpad(i::varchar, 8, '0') as customer_id,
            timestamp '{FIRST}' + to_days((1095 * unit(i, 10))::int) as joined_at,
            case when unit(i, 11) < 0.02 then null else ['North', 'East', 'South', 'West', 'Centre', 'Islands']
                [1 + (6 * unit(i, 12) ** 1.5)::int % 6] end as region
        from range({people}) r(i)"""


def _orders(people: str) -> str:
    """people: how many there are by then; the shop wins customers as it goes."""
    return f"""
        'O' || lpad(i::varchar, 9, '0') as order_id, who(i, 20, {people}, 0.03) as customer_id, ordered_at,
        (5 + 120 * unit(i, 22) ** 3)::decimal(18, 4) as amount, ['shop', 'web', 'app'][1 + (i % 3)::int] as channel,
        case when unit(i, 23) < 0.03 then 'cancelled' when unit(i, 23) < 0.07 then 'refunded' else 'paid' end as status,
        case when unit(i, 23) between 0.03 and 0.07 then (5 + 120 * unit(i, 22) ** 3)::decimal(18, 4)
            * (case when unit(i, 24) < 0.5 then 1 else 0.5 end)::decimal(2, 1) end::decimal(18, 4) as refunded_amount"""


def _responses(people: int) -> str:
    return f"""
        'R' || lpad(i::varchar, 9, '0') as response_id, ['purchase', 'service'][1 + (i % 2)::int] as survey,
        who(i, 30, {people}, 0.05) as customer_id, responded_at, ['web', 'phone'][1 + (i % 2)::int] as channel,
        case when unit(i, 32) > 0.04 then 1 + floor(5 * unit(i, 33) ** 0.6) end::bigint as satisfied,
        case when unit(i, 34) > 0.06 then floor(11 * unit(i, 35) ** 0.5) end::bigint as recommend,
        case when unit(i, 36) > 0.08 then 1 + floor(7 * unit(i, 37) ** 1.4) end::bigint as effort"""


def _invitations(people: int) -> str:
    return f"""
        'I' || lpad(i::varchar, 9, '0') as invitation_id, ['purchase', 'service'][1 + (i % 2)::int] as survey,
        who(i, 40, {people}, 0.05) as customer_id, sent_at,
        case when unit(i, 42) < 0.93 then sent_at + interval 1 hour end as reached_at,
        case when unit(i, 42) < 0.40 then sent_at + interval 5 hour end as started_at,
        case when unit(i, 42) < 0.31 then sent_at + interval 6 hour end as completed_at"""


def _reviews(people: int) -> str:
    return f"""
        'V' || lpad(i::varchar, 9, '0') as review_id, ['Trustpilot', 'Google', 'Store'][1 + (i % 3)::int] as platform,
        posted_at, (1 + floor(5 * unit(i, 50) ** 0.5))::double as rating, 5.0::double as scale,
        who(i, 51, {people}, 0.3) as customer_id"""
