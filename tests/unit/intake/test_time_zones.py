"""Zones, epochs, lists of formats and marks of zones: every time by Python's own zoneinfo and datetime."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
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
        ("%Y-%m-%d %H:%M (UTC)", "2025-01-01 02:30 (UTC)"),
        ("GMT %d/%m/%Y %H:%M", "GMT 01/01/2025 02:30"),
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


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("%Y-%m-%d %H:%M EST", "holds 'EST', which may be a time zone.*Declare the zone beside it"),
        ("%Y-%m-%d %H:%M +00:00", "holds the offset '\\+00:00' as fixed text. Write %z in its place"),
        ("%Y-%m-%d %H:%M UTC+2", "holds the offset 'UTC\\+2' as fixed text. Write %z in its place"),
    ],
)
def test_a_zone_in_a_format_is_never_passed_over(tmp_path, form, words):
    with pytest.raises(InputError, match=words):
        times(tmp_path, ["2025-01-01 02:30"], f", date_format: '{form}'")


def test_a_short_name_beside_its_declared_zone_is_read(tmp_path):
    source = ", date_format: '%Y-%m-%d %H:%M EST', time_zone: Etc/GMT+5"
    assert times(tmp_path, ["2024-12-31 21:30 EST"], source) == [LOCAL]


@pytest.mark.parametrize(("form", "text"), [("", "2025-01-01"), (", date_format: '%d/%m/%Y'", "01/01/2025")])
def test_a_day_without_a_time_of_day_stays_that_day_in_any_zone(tmp_path, form, text):
    """Midnight in UTC would be the evening before in New York."""
    assert times(tmp_path, [text], f", time_zone: UTC{form}") == [datetime(2025, 1, 1)]


def test_months_stay_in_any_zone(tmp_path):
    parameters = COSTS.replace("signs:", "time_zone: UTC, signs:")
    taken = take(tmp_path, f"time_zone: America/New_York\n{parameters}", costs_csv="Month,What,Sum\nJan-25,a,1\n")
    assert [row["month"] for row in rows(taken, "costs")] == [datetime(2025, 1, 1)]


def test_hours_that_the_declared_zone_skips_are_rejected_and_repeated_ones_told_of(tmp_path):
    """In Berlin 02:30 does not exist on 30 March 2025, and is there twice on 26 October; with a mark it is one instant."""
    texts = ["2025-03-30 02:30", "2025-03-30 02:30+01:00", "2025-10-26 02:30", "2025-10-26 02:30+02:00"]
    lines = "".join(f"{number},a,{text},1.00,paid\n" for number, text in enumerate(texts))
    source = "sources: {orders: {file: orders.csv, time_zone: Europe/Berlin}}"
    parameters = f"time_zone: America/New_York\n{source}{ORDERS}    bad_rows_allowed: 1\n"
    taken = take(tmp_path, parameters, orders_csv=f"No,Customer,Ordered,Total,Status\n{lines}")
    [audit] = taken.audits
    assert audit.reasons == {"ordered_at does not exist in Europe/Berlin (daylight saving time)": 1}
    [wrong] = quarantined(taken, "orders")
    assert wrong["No"] == "0"
    assert [note for note in audit.notes if "occurs twice" in note and "Europe/Berlin" in note and "1 time is" in note]


@pytest.mark.parametrize(
    ("header", "text", "source", "zone"),
    [
        ("created_utc", "2025-01-01 02:30", "", "UTC"),
        ("createdAtUtc", "2025-01-01 02:30", "", "UTC"),
        ("Created (GMT+2)", "2025-01-01 04:30", "", "Etc/GMT-2"),
        ("Created (UTC)", "02:30 01-01-25", ", date_format: '%H:%M %d-%m-%y'", "UTC"),
        ("Created (UTC)", "2025-01-01 02:30", ", date_format: ['%Y-%m-%d %H:%M', epoch_s]", "UTC"),
    ],
)
def test_the_line_for_a_header_with_a_zone_makes_the_right_time(tmp_path, header, text, source, zone):
    line = f'times: {{"{header}": {{time_zone: {zone}}}}}'
    with pytest.raises(InputError) as caught:
        times(tmp_path, [text], source, header)
    assert f"`{line}`" in str(caught.value)
    assert times(tmp_path, [text], f"{source}, {line}", header) == [LOCAL]


def test_typed_times_under_a_header_with_a_zone_are_not_read_as_local(tmp_path):
    with duckdb.connect() as con:
        query = """SELECT 1 AS "No", 'a' AS "Customer", TIMESTAMP '2025-01-01 02:30' AS "Ordered (UTC)", 1.00 AS "Total", 'paid' AS "Status\""""
        con.sql(query).write_parquet(str(tmp_path / "orders.parquet"))
    orders = ORDERS.replace("Ordered", '"Ordered (UTC)"')
    with pytest.raises(InputError, match="names UTC"):
        take(tmp_path, f"time_zone: America/New_York\nsources: {{orders: {{file: orders.parquet}}}}{orders}")
    taken = take(
        tmp_path, f"time_zone: America/New_York\nsources: {{orders: {{file: orders.parquet, time_zone: UTC}}}}{orders}"
    )
    assert [row["ordered_at"] for row in rows(taken, "orders")] == [LOCAL]


@pytest.mark.parametrize(("text", "line"), [("1735698600", "epoch_s"), ("1735698600000", "epoch_ms")])
def test_of_the_epochs_only_that_is_proposed_whose_years_are_likely(tmp_path, text, line):
    with pytest.raises(InputError) as caught:
        times(tmp_path, [text, text], table="bad_rows_allowed: 0")
    assert re.findall(r"epoch_\w+", str(caught.value)) == [line]


def test_the_line_that_is_proposed_for_accounting_keeps_the_minus(tmp_path):
    text = "Month,What,Sum\n2025-01,a,($200.00)\n2025-01,a,$100.00\n2025-01,a,$50.00-\n"
    bare = COSTS.replace(", signs: [$], thousands: ','", "").replace(", date_format: '%b-%y'", "")
    with pytest.raises(InputError) as caught:
        take(tmp_path, bare, costs_csv=text)
    assert 'signs: ["$"]' in str(caught.value)
    taken = take(tmp_path, bare.replace("costs.csv", 'costs.csv, signs: ["$"]'), costs_csv=text)
    assert sorted(float(row["amount"]) for row in rows(taken, "costs")) == [-200, -50, 100]


@pytest.mark.parametrize("sign", ["($", ")", "-"])
def test_a_minus_is_no_sign_to_be_removed(tmp_path, sign):
    with pytest.raises(InputError, match="may be part of a number or its minus"):
        take(tmp_path, COSTS.replace("[$]", f'["{sign}"]'), costs_csv="Month,What,Sum\n2025-01,a,1\n")


def test_the_minus_of_typography_is_a_minus(tmp_path):
    taken = take(tmp_path, COSTS, costs_csv="Month,What,Sum\n2025-01,a,\u2212200.00\n2025-01,a,$ \u221250.00\n")
    assert sorted(float(row["amount"]) for row in rows(taken, "costs")) == [-200, -50]


def test_keys_that_differ_only_in_blanks_are_one_where_case_is_ignored(tmp_path):
    text = "No,Customer,Ordered,Total,Status\n1,AB 1,2025-01-01,1,paid\n2,ab1,2025-01-01,1,paid\n"
    parameters = f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}"
    [audit] = take(tmp_path, parameters, orders_csv=text).audits
    assert any(note.startswith("customer_id: 1 of 2 different keys") for note in audit.notes)
    folded = take(tmp_path, f"{parameters}    ignore_case: [customer_id]\n", orders_csv=text)
    assert [row["customer_id"] for row in rows(folded, "orders")] == ["ab1", "ab1"]


def test_only_keys_have_their_case_ignored(tmp_path):
    with pytest.raises(InputError, match="'amount' is no key"):
        take(
            tmp_path,
            f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}    ignore_case: [amount]\n",
            orders_csv="No\n1\n",
        )


def test_a_parameter_of_an_event_whose_other_values_are_null_has_its_value(tmp_path):
    value = '{"string_value": null, "int_value": 3, "double_value": null}'
    (tmp_path / "tickets.json").write_text(
        f'{{"id": 1, "created": "2025-01-01", "params": [{{"key": "size", "value": {value}}}]}}'
    )
    parameters = TICKETS.replace(
        'channel: via.channel, topic: "params.topic", team: params.size, agent: who.name.first', "team: params.size"
    )
    assert [row["team"] for row in rows(take(tmp_path, parameters), "tickets")] == ["3"]


def test_a_mistyped_key_of_json_is_an_error(tmp_path):
    (tmp_path / "tickets.json").write_text("\n".join(OBJECTS))
    with pytest.raises(InputError, match=r"no 'via' of .* has the key 'chanel'.*Did you mean channel"):
        take(tmp_path, TICKETS.replace("via.channel", "via.chanel"))


@pytest.mark.parametrize(
    ("text", "words"), [('[{"id": NaN}]', "NaN is not a JSON number"), ('[{"id": "\\ud800"}]', "half of a character")]
)
def test_a_list_of_json_is_as_strict_as_lines(tmp_path, text, words):
    (tmp_path / "tickets.json").write_text(text)
    with pytest.raises(InputError, match=words):
        take(tmp_path, TICKETS)


@pytest.mark.parametrize(
    ("ordered", "total", "line"),
    [
        ("date_trunc('day', Ordered)", "Total", 'columns: {"Ordered": time}'),
        ("Ordered", "Total + 1", 'columns: {"Total": number}'),
        ("Ordered", "json_extract_string(Customer, '$.a') || Customer.x", "json_extract_string(Customer, '$.x')"),
    ],
)
def test_a_query_that_computes_with_text_is_answered_with_the_line_to_write(tmp_path, ordered, total, line):
    columns = f"No AS order_id, Customer AS customer_id, {ordered} AS ordered_at, {total} AS amount, Status AS status"
    parameters = (
        f'sources: {{orders: {{file: orders.csv}}}}\ntables: {{orders: {{query: "SELECT {columns} FROM orders"}}}}\n'
    )
    with pytest.raises(InputError) as caught:
        take(tmp_path, parameters, orders_csv="No,Customer,Ordered,Total,Status\n1,a,2025-01-01,1,paid\n")
    assert line in str(caught.value)
    assert "Candidate" not in str(caught.value)


def test_a_zone_of_the_source_that_contradicts_a_header_is_refused(tmp_path):
    """What is said of the column itself decides."""
    with pytest.raises(InputError, match=r"names UTC, but its times would be read as those of Asia/Kolkata"):
        times(tmp_path, ["2025-01-01 02:30"], ", time_zone: Asia/Kolkata", "Created (UTC)")
    declared = ', time_zone: Asia/Kolkata, times: {"Created (UTC)": {time_zone: UTC}}'
    assert times(tmp_path, ["2025-01-01 02:30"], declared, "Created (UTC)") == [LOCAL]
    assert times(tmp_path, ["2025-01-01 02:30"], ", time_zone: GMT", "Created (UTC)") == [LOCAL]
