"""The data of the benchmark `service`: a made-up service desk and sales team of any size, the same bytes' worth of rows every time.

Canonical tables as the intake would leave them: Parquet sorted by time, keys as text, money as DECIMAL. Nothing is drawn at random; every
value comes from a hash of the row's number, so the peer and a later run see the same rows. Tickets come on working days above all, some are
reopened, some closed without a time of resolution, and some still open at the end; a few customers open many.
"""

from pathlib import Path

from benchmarks.speed.made_up_shop import CUTOFF, FIRST, PERIOD, SECONDS, UNIT, make_files, shop
from crmnb.schema.client import Client

__all__ = ["CUTOFF", "FIRST", "PERIOD", "TABLES", "client", "make"]

TABLES = ("customers", "tickets", "survey_responses", "orders", "leads", "activities", "process_runs", "costs", "teams")

_DAY = 86_400
_WAIT = "create macro wait(i, salt) as -ln(1 - unit(i, salt))"  # waiting times, of mean 1
_WHO = (
    "create macro who(i, salt, people, without) as case when unit(i, salt + 1) >= without "
    "then 'C' || lpad(floor(people * unit(i, salt) ** 1.5)::bigint::varchar, 8, '0') end"
)
_TIME = f"create macro moment(seconds) as timestamp '{FIRST}' + to_seconds(floor(seconds)::bigint)"
_MONEY = "decimal(18, 4)"
_WEEKS = 157  # from the first Sunday on: the last of them goes beyond the end
_BY_CUTOFF = f"< timestamp '{CUTOFF}'"


def client() -> Client:
    """The made-up desk: open from Monday to Friday and on Saturday morning, closed on the public holidays of Germany."""
    weekdays = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), ("08:00", "18:00"))
    service = {"working_week": weekdays | {"saturday": ("09:00", "13:00")}, "holidays": "DE"}
    return shop(service=service, items={"satisfied": {"scale": (1, 5)}}, time_zone="Europe/Berlin")


def make(rows: int) -> dict[str, Path]:
    """The tables' files, for so many tickets; kept in the system's temporary folder between runs."""
    return make_files("service", rows, TABLES, (UNIT, _WAIT, _WHO, _TIME), _query_of)


def _query_of(name: str, rows: int) -> str:
    people = max(rows // 10, 1)
    queries = {
        "customers": f"select * from ({_customers(people)}) order by joined_at",
        "tickets": f"select * from ({_tickets(people, rows)}) order by opened_at",
        "survey_responses": f"select * from ({_responses(people, rows)}) order by responded_at",
        "orders": f"select * from ({_orders(people, max(rows // 2, 1))}) order by ordered_at",
        "leads": f"select * from ({_leads(max(rows // 50, 1))}) order by created_at",
        "activities": f"select * from ({_activities(people, max(rows // 10, 1))}) order by happened_at",
        "process_runs": f"select * from ({_runs(max(rows // 10, 1))}) order by started_at",
        "costs": _costs(rows),
        "teams": "select 'T' || i as team, (20 + i)::bigint as headcount, case when i > 0 then i * 3 end::bigint as trained from range(10) r(i)",
    }
    return queries[name]


def _customers(people: int) -> str:
    return f"""
        select 'C' || lpad(i::varchar, 8, '0') as customer_id, moment({SECONDS} * unit(i, 10)) as joined_at,
            case when unit(i, 11) >= 0.02 then ['North', 'East', 'South', 'West', 'Centre', 'Islands']
                [1 + (6 * unit(i, 12) ** 1.5)::int % 6] end as region,
            case when unit(i, 13) < 0.05 then 'C' || lpad(floor({people} * unit(i, 14))::bigint::varchar, 8, '0') end as referred_by
        from range({people}) r(i)"""


def _opened(rows: int) -> str:
    """The SQL of when tickets are opened: in each week by working day and hour, the last days that are too many put back a month."""
    weekday = "[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 7][1 + floor(25 * unit(i, 20))::int] % 7"
    hour = "case when unit(i, 21) < 0.8 then 8 + 10 * unit(i, 22) else 24 * unit(i, 22) end"
    seconds = f"floor({_WEEKS} * (i::double / {rows})) * {7 * _DAY} + ({weekday}) * {_DAY} + ({hour}) * 3600"
    return f"""
        select i, case when second < {SECONDS} then second else second - {28 * _DAY} end as second
        from (select i, {seconds} as second from range({rows}) r(i))"""


def _solved(rows: int) -> str:
    """The SQL of tickets with their lengths: `priority` 1 to 4, `topic`, `opened_at`, and `over`, when work on them ended for now."""
    return f"""
        select i, moment(second) as opened_at, 1 + floor(4 * unit(i, 30) ** 0.6)::int as priority, floor(12 * unit(i, 31) ** 1.4)::int as topic,
            moment(second + case when unit(i, 32) < 0.3 then 3600 * wait(i, 33) else
                ([6, 20, 60, 150][priority] + 3 * topic) * 3600 * wait(i, 33) ** 1.5 end) as over
        from ({_opened(rows)})"""


def _tickets(people: int, rows: int) -> str:
    return f"""
        select 'K' || lpad(i::varchar, 9, '0') as ticket_id, who(i, 40, {people}, 0.02) as customer_id, opened_at,
            case when unit(i, 42) > 0.03 then opened_at + to_seconds((7200 * wait(i, 43))::bigint) end as first_response_at,
            case when unit(i, 44) > 0.02 and over {_BY_CUTOFF} then over end as resolved_at,
            case when unit(i, 44) <= 0.02 and unit(i, 45) < 0.7 then opened_at + interval 20 day
                when over {_BY_CUTOFF} then over + interval 3 day end as closed_at,
            case when unit(i, 46) < 0.03 and over {_BY_CUTOFF} then opened_at + (over - opened_at) / 2
                when unit(i, 46) < 0.035 and over {_BY_CUTOFF} then over + interval 5 day end as reopened_at,
            case when unit(i, 47) > 0.01 then 1 + floor(wait(i, 48))::bigint end as contacts,
            case when unit(i, 49) > 0.01 then floor(wait(i, 50) * 0.7)::bigint end as reassignments,
            case when unit(i, 51) > 0.01 then unit(i, 52) < 0.05 end as escalated,
            ['e-mail', 'phone', 'chat', 'web'][1 + floor(4 * unit(i, 53) ** 2)::int] as channel, 'topic ' || topic as topic,
            case when unit(i, 54) > 0.03 then 'Agent ' || lpad(floor(400 * unit(i, 55) ** 1.3)::int::varchar, 3, '0') end as agent,
            priority || '' as priority, opened_at + to_hours([8, 24, 72, 168][priority]) as sla_due_at
        from ({_solved(rows)})"""


def _responses(people: int, rows: int) -> str:
    """Answers about every tenth ticket, a day after its work ended."""
    return f"""
        select 'R' || lpad(i::varchar, 9, '0') as response_id, 'service' as survey, who(i, 40, {people}, 0.02) as customer_id,
            over + interval 1 day as responded_at, 'K' || lpad(i::varchar, 9, '0') as ticket_id,
            case when unit(i, 60) > 0.03 then 1 + floor(5 * unit(i, 61) ** 0.6) end::bigint as satisfied,
            case when unit(i, 62) < 0.5 then over + to_hours(24 + (300 * unit(i, 63))::int) end as followed_up_at
        from ({_solved(rows)}) where i % 10 = 0 and over + interval 1 day {_BY_CUTOFF}"""


def _orders(people: int, rows: int) -> str:
    return f"""
        select 'O' || lpad(i::varchar, 9, '0') as order_id, who(i, 70, {people}, 0.03) as customer_id,
            moment({SECONDS} * (i + unit(i, 72)) / {rows}) as ordered_at, round(5 + 60 * wait(i, 73), 2)::{_MONEY} as amount,
            case when unit(i, 74) < 0.03 then 'cancelled' when unit(i, 74) < 0.07 then 'refunded' else 'paid' end as status,
            case when unit(i, 74) between 0.03 and 0.07 then 5 end::{_MONEY} as refunded_amount,
            case when unit(i, 74) between 0.03 and 0.07 then moment({SECONDS} * (i + unit(i, 72)) / {rows}) + interval 9 day end as refunded_at,
            ['goods', 'parts'][1 + (i % 2)::int] as category
        from range({rows}) r(i)"""


def _leads(rows: int) -> str:
    return f"""
        with known as (
            select i, moment({SECONDS} * (i + unit(i, 80)) / {rows}) as created_at, {25 * _DAY} * wait(i, 81) as took, unit(i, 82) as luck
            from range({rows}) r(i)),
        ended as (select *, created_at + to_seconds(took::bigint) as over from known)
        select 'L' || lpad(i::varchar, 8, '0') as lead_id, created_at, {_seller(83)} as seller,
            case when luck < 0.4 then created_at + to_seconds((took * 0.5)::bigint) end as proposed_at,
            case when luck < 0.25 and over {_BY_CUTOFF} then over end as won_at,
            case when luck >= 0.25 and luck < 0.9 and over {_BY_CUTOFF} then over end as lost_at
        from ended"""


def _seller(salt: int) -> str:
    return f"'Seller ' || lpad(floor(300 * unit(i, {salt}) ** 1.2)::int::varchar, 3, '0')"


def _activities(people: int, rows: int) -> str:
    kinds = "['call', 'letter', 'visit', 'brochure', 'seminar', 'profile', 'sample'][1 + floor(7 * unit(i, 91) ** 1.5)::int]"
    return f"""
        select 'A' || lpad(i::varchar, 9, '0') as activity_id, {_seller(90)} as seller, who(i, 92, {people}, 0.2) as customer_id,
            {kinds} as kind, happened_at, case when unit(i, 94) < 0.4 then happened_at + to_minutes((60000 * unit(i, 95))::bigint) end as next_step_at
        from (select i, moment({SECONDS} * (i + unit(i, 96)) / {rows}) as happened_at from range({rows}) r(i))"""


def _runs(rows: int) -> str:
    return f"""
        select 'P' || lpad(i::varchar, 9, '0') as run_id, 'process ' || (i % 40) as process,
            moment({SECONDS} * (i + unit(i, 97)) / {rows}) as started_at, unit(i, 98) < 0.5 + (i % 40) / 80 as automated,
            case when unit(i, 99) < 0.03 then 'stopped' end as exception
        from range({rows}) r(i)"""


def _costs(rows: int) -> str:
    months = [f"timestamp '{FIRST.replace(year=FIRST.year + m // 12, month=m % 12 + 1)}'" for m in range(36)]
    return " union all ".join(
        f"select {month} as month, 'service' as category, round({rows / 36} * (4 + 2 * unit({number}, 60)), 2)::{_MONEY} as amount"
        for number, month in enumerate(months)
    )
