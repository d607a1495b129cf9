"""The intake as a whole: what it promises of tables, accounts, reuse, refusal and crashes."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from importing import ORDERS, client_of, counts, quarantined, read_csv, rows, short, take, take_orders

import crmnb.intake.pipeline as pipeline
from crmnb.core.errors import InputError
from crmnb.intake import SourceMissing, import_data
from crmnb.schema.client import load_client

PROJECT = Path(__file__).parents[3]
HEADER = "No,Customer,Ordered,Total,Status\n"
TWO = HEADER + "0012,007,2025-03-02,10.50,paid\n11,,2025-03-01 09:30,3,cancelled\n"


def test_a_table_is_typed_by_the_contract_and_sorted_by_time(tmp_path):
    taken = take_orders(tmp_path, TWO)
    assert rows(taken, "orders") == [
        {
            "order_id": "11",
            "customer_id": None,
            "ordered_at": datetime(2025, 3, 1, 9, 30),
            "amount": Decimal("3.0000"),
            "status": "cancelled",
        },
        {
            "order_id": "0012",
            "customer_id": "007",
            "ordered_at": datetime(2025, 3, 2),
            "amount": Decimal("10.5000"),
            "status": "paid",
        },
    ]
    assert counts(taken) == [("orders", "orders", 2, 2, 0, {})]
    assert taken.columns["orders"]["amount"] == "DECIMAL(18, 4)"
    assert not (taken.folder / "quarantine").exists()


def test_the_days_covered_are_those_of_the_events_unless_declared(tmp_path):
    taken = take_orders(tmp_path, TWO)
    assert (taken.data_from, taken.cutoff) == (datetime(2025, 3, 1), datetime(2025, 3, 3))
    declared = "data_from: 2024-01-01\ndata_until: 2025-12-31\n"
    taken = take(tmp_path, f"{declared}sources: {{orders: {{file: orders.csv}}}}{ORDERS}")
    assert (taken.data_from, taken.cutoff) == (datetime(2024, 1, 1), datetime(2026, 1, 1))


def test_a_wrong_row_is_set_aside_with_its_place_and_its_reasons(tmp_path):
    text = TWO + '1,2,2025-03-04,"1,5",paidd\n'
    taken = take_orders(tmp_path, text, table="bad_rows_allowed: 0.5")
    account = taken.audits[0]
    assert (account.read, account.accepted, account.rejected) == (3, 2, 1)
    assert quarantined(taken, "orders") == [
        {
            "No": "1",
            "Customer": "2",
            "Ordered": "2025-03-04",
            "Total": "1,5",
            "Status": "paidd",
            "file": "orders.csv",
            "record": "4",
            "reasons": "amount is not an amount; status is not one of paid, cancelled, refunded",
        }
    ]
    assert account.reasons == {"amount is not an amount": 1, "status is not one of paid, cancelled, refunded": 1}


def test_too_many_wrong_rows_stop_the_intake_and_leave_the_quarantine(tmp_path):
    text = HEADER + "".join(f"{n},,2025-01-01,{'x' if n < 3 else 1},paid\n" for n in range(20))
    with pytest.raises(InputError) as caught:
        take_orders(tmp_path, text)
    words = str(caught.value)
    assert "test.yml, tables.orders: 3 of 20 rows are rejected (15.0%), more than the 5.0%" in words
    assert "- amount is not an amount: 3 rows, such as 'x'" in words
    place = tmp_path / "private" / "tables" / "refused" / "orders.csv"
    assert str(place) in words
    assert [row["record"] for row in short(read_csv(place))] == ["2", "3", "4"]


def test_the_share_allowed_is_just_allowed(tmp_path):
    text = HEADER + "".join(f"{n},,2025-01-01,{'x' if n < 1 else 1},paid\n" for n in range(20))
    assert take_orders(tmp_path, text).audits[0].rejected == 1


def test_a_personal_value_is_not_shown(tmp_path):
    with pytest.raises(InputError) as caught:
        take_orders(
            tmp_path, HEADER + "1,,2025-01-01,SECRET,paid\n", table="personal: [amount]\n    bad_rows_allowed: 0.9"
        )
    assert "SECRET" not in str(caught.value)
    assert "record 2 of orders.csv" in str(caught.value)


# ---- Reuse, and what is left behind -----------------------------------------------------------------------


def test_unchanged_sources_are_not_read_again(tmp_path, monkeypatch):
    first = take_orders(tmp_path, TWO)
    monkeypatch.setattr(pipeline, "read_source", lambda *_: pytest.fail("read again"))
    again = import_data(load_client("test", tmp_path), tmp_path / "private")
    assert again.reused
    assert not first.reused
    assert (again.tables, again.audits, again.data_from, again.cutoff) == (
        first.tables, first.audits, first.data_from, first.cutoff,
    )  # fmt: skip
    assert (again.columns, again.sources, again.fingerprint) == (first.columns, first.sources, first.fingerprint)


@pytest.mark.parametrize("change", ["content", "parameters", "table lost", "record lost"])
def test_a_change_is_noticed(tmp_path, change):
    first = take_orders(tmp_path, TWO)
    text, source = TWO, ""
    if change == "content":
        text = TWO.replace("10.50", "10.51")  # as long as before
    elif change == "parameters":
        source = ', missing: ["", "n/a"]'
    elif change == "table lost":
        first.tables["orders"].unlink()
    else:
        (first.folder / "intake.json").unlink()
    again = take_orders(tmp_path, text, source)
    assert not again.reused
    assert rows(again, "orders")[1]["amount"] == Decimal("10.51" if change == "content" else "10.50")
    kept = [path.name for path in (tmp_path / "private" / "tables").iterdir() if path.is_dir()]
    assert kept == [again.fingerprint]


def test_what_a_report_does_not_read_does_not_matter(tmp_path):
    take_orders(tmp_path, TWO)
    client = client_of(tmp_path, f"targets: {{csat: 1}}\nsources: {{orders: {{file: orders.csv}}}}{ORDERS}")
    assert import_data(client, tmp_path / "private").reused


@pytest.mark.parametrize("step", ["event_span", "save_intake", "validate_rows"])
def test_a_crash_leaves_the_last_intake_as_it_was_and_nothing_half_made(tmp_path, monkeypatch, step):
    first = take_orders(tmp_path, TWO)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, step, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take_orders(tmp_path, TWO + "5,,2025-03-05,1,paid\n")
    assert [path.name for path in first.folder.parent.iterdir() if path.is_dir()] == [first.fingerprint]
    assert len(rows(first, "orders")) == 2


def test_what_a_dead_run_left_is_removed(tmp_path):
    left = tmp_path / "private" / "tables" / ".staging"
    left.mkdir(parents=True)
    (left / "half.parquet").write_text("half")
    take_orders(tmp_path, TWO)
    assert not left.exists()


def test_a_lost_row_is_never_silent(tmp_path, monkeypatch):
    judge = pipeline.validate_rows

    def forgetful(*given):
        accepted, account = judge(*given)
        return f"{accepted} AND false", account

    monkeypatch.setattr(pipeline, "validate_rows", forgetful)
    with pytest.raises(RuntimeError, match="2 rows read, but 0 accepted, 0 rejected and 0 replaced"):
        take_orders(tmp_path, TWO)


def test_the_record_of_an_intake_says_which_files_were_read(tmp_path):
    taken = take_orders(tmp_path, TWO)
    said = json.loads((taken.folder / "intake.json").read_text())
    assert said["sources"]["orders"]["rows"] == 2
    assert said["sources"]["orders"]["files"][0]["name"] == "orders.csv"
    assert str(tmp_path) not in json.dumps(said)


def test_progress_is_said(tmp_path):
    client, said = client_of(tmp_path, f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}", orders_csv=TWO), []
    import_data(client, tmp_path / "private", on_step=said.append)
    assert said == ["orders: 2 rows read, 2 accepted, 0 rejected"]


# ---- Files that are not as they should be -----------------------------------------------------------------


def test_a_missing_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(SourceMissing) as caught:
        take(tmp_path, f"sources: {{orders: {{file: sub/orders.csv}}}}{ORDERS}")
    assert "sources.orders.file: the file 'sub/orders.csv' does not exist" in str(caught.value)
    assert str(tmp_path / "sub" / "orders.csv") in str(caught.value)


def test_a_source_that_no_table_reads_need_not_be_there(tmp_path):
    taken = take(
        tmp_path, f"sources: {{orders: {{file: orders.csv}}, later: {{file: no.csv}}}}{ORDERS}", orders_csv=TWO
    )
    assert list(taken.sources) == ["orders"]


def test_a_missing_column_names_the_nearest_headers(tmp_path):
    with pytest.raises(InputError) as caught:
        take_orders(tmp_path, TWO.replace("Ordered", "Ordered on"))
    assert "tables.orders.columns.ordered_at: test.yml, sources.orders (orders.csv) has no column 'Ordered'" in str(
        caught.value
    )
    assert "Did you mean Ordered on" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (TWO.replace(",", ";"), r"only one column.*Is the delimiter ';'\? Then add `delimiter: \";\"`"),
        (TWO.replace("Status", "Total"), "the header 'Total' occurs more than once"),
        (TWO.encode() + b"caf\xe9,,2025-01-01,1,paid\n", r"is not UTF-8 \(line 4, byte 4: \\xe9.*encoding: cp1252"),
        (TWO + '"open,,2025-01-01,1,paid\n5,,2025-01-01,1,paid\n', "record 4: a quote is opened and never closed"),
    ],
)
def test_a_text_that_cannot_be_read_says_why(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        take_orders(tmp_path, text)


def test_an_unreadable_notation_is_not_guessed_but_proposed(tmp_path):
    text = HEADER + "1,,31/12/2025 10:00,1,paid\n2,,30/12/2025 11:00,1,paid\n3,,29/12/2025 12:00,1,paid\n"
    with pytest.raises(InputError) as caught:
        take_orders(tmp_path, text)
    words = str(caught.value)
    assert "'31/12/2025 10:00', '30/12/2025 11:00', '29/12/2025 12:00'" in words
    assert 'Add this line to sources.orders: `date_format: "%d/%m/%Y %H:%M"`' in words


def test_an_ambiguous_notation_is_left_to_the_client(tmp_path):
    with pytest.raises(InputError) as caught:
        take_orders(tmp_path, HEADER + "1,,03/04/2025,1,paid\n")
    assert 'Add the correct line to sources.orders: `date_format: "%d/%m/%Y"` or `date_format: "%m/%d/%Y"`' in str(
        caught.value
    )


def test_another_decimal_mark_is_not_guessed_but_proposed(tmp_path):
    with pytest.raises(InputError) as caught:
        take_orders(tmp_path, HEADER + '1,,2025-01-01,"1.234,50",paid\n2,,2025-01-01,"7,5",paid\n')
    assert 'Add this line to sources.orders: `decimal: ",", thousands: "."`' in str(caught.value)


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    taken = take_orders(tmp_path, HEADER)
    assert rows(taken, "orders") == []
    assert (taken.data_from, taken.cutoff, taken.audits[0].read) == (None, None, 0)


@pytest.mark.parametrize("name", ["orders.docx", "orders", "orders.gz", "orders.pdf"])
def test_a_format_that_is_not_read_says_so(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match="Save it as CSV, Excel, Parquet or JSON lines"):
        take(tmp_path, f"sources: {{orders: {{file: {name}}}}}{ORDERS}")


def test_names_that_are_patterns_to_others_are_names_here(tmp_path):
    folder = tmp_path / "a [x] * b"
    folder.mkdir()
    (folder / "orders [1].csv").write_text(TWO)
    taken = take(folder, f"sources: {{orders: {{file: 'orders [1].csv'}}}}{ORDERS}")
    assert len(rows(taken, "orders")) == 2


# ---- Real data --------------------------------------------------------------------------------------------


@pytest.mark.real
def test_online_retail_becomes_orders(tmp_path):
    client = load_client("online_retail_ii", PROJECT / "parameters")
    try:
        taken = import_data(client, tmp_path)
    except SourceMissing as missing:
        pytest.skip(str(missing))
    assert {(a.table, a.source): (a.read, a.accepted) for a in taken.audits} == {
        ("", "lines"): (525_461, 525_461),
        ("orders", "query"): (24_221, 24_221),
        ("customers", "query"): (4_314, 4_314),
    }
    assert (taken.data_from, taken.cutoff) == (datetime(2009, 12, 1), datetime(2010, 12, 10))
    assert all("." not in row["customer_id"] for row in rows(taken, "customers"))
