"""Zones, epochs, lists of formats and marks of zones: every time by Python's own zoneinfo and datetime."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from importing import ORDERS, quarantined, rows, take

from crmnb.core.errors import InputError

NEW_YORK = ZoneInfo("America/New_York")
INSTANT = datetime(2025, 1, 1, 2, 30, tzinfo=UTC)  # the evening before in New York
LOCAL = INSTANT.astimezone(NEW_YORK).replace(tzinfo=None)


def times(tmp_path, texts, source="", header="Ordered", table="bad_rows_allowed: 1") -> list[datetime]:
    lines = "".join(f'{number},a,"{text}",1.00,paid\n' for number, text in enumerate(texts))
    parameters = ORDERS.replace("Ordered", f'"{header}"')
    parameters = (
        f"time_zone: America/New_York\nsources: {{orders: {{file: orders.csv{source}}}}}{parameters}    {table}\n"
    )
    taken = take(tmp_path, parameters, orders_csv=f"No,Customer,{header},Total,Status\n{lines}")
    return [row["ordered_at"] for row in sorted(rows(taken, "orders"), key=lambda row: int(row["order_id"]))]


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01 02:30:00Z",
        "2025-01-01T02:30Z",
        "2025-01-01 02:30:00 UTC",
        "2025-01-01 02:30:00 GMT",
        "2025-01-01 04:30:00 GMT+2",
        "2025-01-01 04:30:00+02",
        "2025-01-01 04:30:00+02:00",
        "2024-12-31 21:30:00 -0500",
        "2024-12-31 21:30:00-05:00",
        "2025-01-01 08:00:00 UTC+05:30",
    ],
)
def test_every_common_mark_of_a_zone_is_an_instant(tmp_path, text):
    assert times(tmp_path, [text]) == [LOCAL]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%Y/%m/%d %I:%M:%S %p %z", "2025/01/01 3:30:00 AM GMT+1"),
        ("%Y/%m/%d %I:%M:%S %p %Z", "2025/01/01 3:30:00 AM GMT+1"),
        ("%d.%m.%Y %H:%M%z", "01.01.2025 02:30Z"),
        ("%Y-%m-%d %H:%M:%S UTC", "2025-01-01 02:30:00 UTC"),
        ("%d/%m/%Y %H:%M GMT", "01/01/2025 02:30 GMT"),
        ("%Y-%m-%dT%H:%M:%SZ", "2025-01-01T02:30:00Z"),
        ("epoch_s", str(int(INSTANT.timestamp()))),
        ("epoch_s", f"{int(INSTANT.timestamp())}.000"),
        ("epoch_ms", str(int(INSTANT.timestamp()) * 1000)),
        ("epoch_us", str(int(INSTANT.timestamp()) * 1_000_000)),
    ],
)
def test_a_format_with_a_zone_or_an_epoch_is_an_instant(tmp_path, form, text):
    assert times(tmp_path, [text], f", date_format: '{form}'") == [LOCAL]


@pytest.mark.parametrize(
    "source",
    [
        ", time_zone: UTC",
        ", times: {Ordered: {time_zone: UTC}}",
        ", time_zone: Asia/Tokyo, times: {Ordered: {time_zone: UTC}}",
    ],
)
def test_a_declared_zone_is_that_of_times_without_a_mark(tmp_path, source):
    assert times(tmp_path, ["2025-01-01 02:30", "2025-01-01 04:30:00+02"], source) == [LOCAL, LOCAL]


@pytest.mark.parametrize(("text", "source"), [("2025-01-01", ""), ("01/02/2025", ", date_format: '%d/%m/%Y'")])
def test_a_day_without_a_time_of_day_stays_that_day(tmp_path, text, source):
    """In New York, 1 January in UTC would begin on 31 December."""
    day = datetime.strptime(text, "%d/%m/%Y" if "/" in text else "%Y-%m-%d")
    assert times(tmp_path, [text], f", time_zone: UTC{source}") == [day]


def test_the_summer_and_the_winter_of_a_zone_are_told_apart(tmp_path):
    texts = [f"2025-{month:02}-15 12:00" for month in range(1, 13)]
    expected = [
        datetime(2025, month, 15, 12, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(NEW_YORK).replace(tzinfo=None)
        for month in range(1, 13)
    ]
    assert times(tmp_path, texts, ", time_zone: Europe/Berlin") == expected


def test_of_several_formats_each_text_has_its_own_and_an_ambiguous_text_is_rejected(tmp_path):
    """3 April or 4 March: both formats read it, and differently."""
    texts = ["31/12/2025", "12/31/2025", "05/05/2025", "03/04/2025"]
    found = times(tmp_path, texts, ", date_format: ['%d/%m/%Y', '%m/%d/%Y']")
    assert found == [datetime(2025, 12, 31), datetime(2025, 12, 31), datetime(2025, 5, 5)]


def test_a_header_that_names_utc_is_not_read_as_local_time(tmp_path):
    with pytest.raises(InputError) as caught:
        times(tmp_path, ["2025-01-01 02:30"], header="Created (UTC)")
    assert '`times: {"Created (UTC)": {time_zone: UTC}}`' in str(caught.value)
    assert times(tmp_path, ["2025-01-01 02:30"], ', times: {"Created (UTC)": {time_zone: UTC}}', "Created (UTC)") == [
        LOCAL
    ]
    assert times(tmp_path, ["2025-01-01 02:30Z"], header="Created (UTC)") == [LOCAL]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Nov 22, 2024, 11:14:31 AM", 'date_format: "%b %d, %Y, %I:%M:%S %p"'),
        ("2025/03/28 12:11:03 PM GMT+1", 'date_format: "%Y/%m/%d %I:%M:%S %p %z"'),
        ("1735698600", 'date_format: "epoch_s"'),
        ("1735698600000", 'date_format: "epoch_ms"'),
        ("1735698600000000", 'date_format: "epoch_us"'),
    ],
)
def test_the_line_to_add_is_proposed(tmp_path, text, line):
    with pytest.raises(InputError) as caught:
        times(tmp_path, [text, text], table="bad_rows_allowed: 0")
    assert line in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            ", time_zone: Europe/Lodnon",
            "sources.orders.time_zone: 'Europe/Lodnon' is not a time zone. Did you mean Europe/London",
        ),
        (", times: {Ordered: {time_zone: X}}", "sources.orders.times.Ordered.time_zone: 'X' is not a time zone"),
        (
            ", date_format: epoch",
            "date_format: 'epoch' must contain the year.* or write excel, epoch_s, epoch_ms, epoch_us",
        ),
    ],
)
def test_a_fault_of_a_zone_or_format_is_named(tmp_path, source, words):
    with pytest.raises(InputError, match=words):
        times(tmp_path, ["2025-01-01"], source)


COSTS = "sources: {costs: {file: costs.csv, signs: [$], thousands: ',', date_format: '%b-%y'}}\ntables: {costs: {source: costs, columns: {month: Month, category: What, amount: Sum}}}\n"


def test_accounting_writes_a_minus_behind_or_as_brackets_and_months_as_jan_25(tmp_path):
    texts = ["$1,200.00", "($200.00)", "$ (200.00)", "-$100.00", "50.00-", "$50.00-"]
    lines = "".join(f'{month},a,"{text}"\n' for month, text in zip(["Jan-25", "2025-02"] * 3, texts, strict=True))
    taken = take(tmp_path, COSTS, costs_csv=f"Month,What,Sum\n{lines}")
    assert sorted(float(row["amount"]) for row in rows(taken, "costs")) == [-200, -200, -100, -50, -50, 1200]
    assert {row["month"] for row in rows(taken, "costs")} == {datetime(2025, 1, 1), datetime(2025, 2, 1)}


@pytest.mark.parametrize("text", ["(-200)", "200--", "((200))", "(200", "-200-"])
def test_what_is_no_accounting_notation_is_no_amount(tmp_path, text):
    parameters = COSTS.replace("costs: {source", "costs: {bad_rows_allowed: 1, source")
    taken = take(tmp_path, parameters, costs_csv=f"Month,What,Sum\n2025-01,a,{text}\n2025-01,a,1\n")
    assert [row["Sum"] for row in quarantined(taken, "costs")] == [text]


def test_keys_that_differ_only_in_case_are_told_of_and_may_be_one(tmp_path):
    text = "No,Customer,Ordered,Total,Status\n1,Ana@x,2025-01-01,1,paid\n2,ana@x,2025-01-01,1,paid\n3,bo@x,2025-01-01,1,paid\n"
    parameters = f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}"
    [audit] = take(tmp_path, parameters, orders_csv=text).audits
    assert any(
        note.startswith("customer_id: 1 of 3 different keys") and "ignore_case: [customer_id]" in note
        for note in audit.notes
    )
    folded = take(tmp_path, f"{parameters}    ignore_case: [customer_id]\n", orders_csv=text)
    assert [row["customer_id"] for row in rows(folded, "orders")] == ["ana@x", "ana@x", "bo@x"]


TICKETS = """
sources: {tickets: {file: tickets.json}}
tables:
  tickets:
    source: tickets
    columns: {ticket_id: id, opened_at: created, channel: via.channel, topic: "params.topic", team: params.size, agent: who.name.first}
"""
OBJECTS = (
    '{"id": 1, "created": "2025-01-01", "via": {"channel": "web"}, "params": [{"key": "size", "value": {"int_value": 3}}, {"key": "topic", "value": {"int_value": null, "string_value": "a \\"b\\"", "double_value": null}}]}',
    '{"id": 2, "created": "2025-01-02", "via": {}, "who": {"name": {"first": "Ann"}}, "params": [{"key": "topic", "value": "plain"}]}',
    '{"id": 3, "created": "2025-01-03", "via": null, "params": []}',
)


@pytest.mark.parametrize("text", ["\n".join(OBJECTS), f"[{', '.join(OBJECTS)}]", f"\n[\n{','.join(OBJECTS)}\n]\n"])
def test_a_dot_reaches_into_objects_and_into_lists_of_keys_and_values(tmp_path, text):
    (tmp_path / "tickets.json").write_text(text)
    found = rows(take(tmp_path, TICKETS), "tickets")
    assert [(row["channel"], row["topic"], row["team"], row["agent"]) for row in found] == [
        ("web", 'a "b"', "3", None),
        (None, "plain", None, "Ann"),
        (None, None, None, None),
    ]


def test_the_second_of_two_equal_headers_has_a_name(tmp_path):
    text = "No,Customer,Ordered,Total,Status,Note,Note\n1,a,2025-01-01,1,paid,first,second\n"
    parameters = f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}".replace(
        "status: Status", 'status: Status, note: "{}"'
    )
    taken = take(tmp_path, parameters.replace("{}", "Note (2)"), orders_csv=text)
    assert [row["note"] for row in rows(taken, "orders")] == ["second"]
    with pytest.raises(InputError, match=r"occurs more than once in .* Write 'Note \(2\)' for the second one"):
        take(tmp_path, parameters.replace("{}", "Note"), orders_csv=text)
