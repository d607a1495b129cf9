"""Tables and columns by name and values: in five languages, one to one, and below the threshold not at all."""

import pytest

from crmnb.core.errors import InputError
from crmnb.setup.answers import Answers
from crmnb.setup.builder import build_draft
from crmnb.setup.file_profile import profile_file

_ROWS = "1,7,2025-01-31,10.50,{0}\n2,8,2025-02-28,12.00,{0}\n3,7,2025-03-31,1.25,{0}\n"


def drafted(folder, content, answers=None, name="export.csv"):
    (folder / name).write_text(content, encoding="utf-8")
    return build_draft([profile_file(folder / name)], Answers(answers or {}))


def headers(table):
    return {column: line.value for column, line in table.columns.items() if isinstance(line.value, str)}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Order number,Customer no,Order date,Total,Status", "completed"),
        ("Bestellnummer,Kundennummer,Bestelldatum,Betrag,Bestellstatus", "bezahlt"),
        ("Numéro de commande,Code client,Date de commande,Montant,Statut", "payée"),
        ("Número de pedido,Código cliente,Fecha de pedido,Importe,Estado", "pagado"),
        ("Bestelnummer,Klantnummer,Besteldatum,Bedrag,Status", "betaald"),
    ],
    ids=["en", "de", "fr", "es", "nl"],
)
def test_orders_are_recognised_in_five_languages(tmp_path, header, status):
    draft = drafted(tmp_path, f"{header}\n{_ROWS.format(status)}")
    (table,) = draft.tables
    names = header.split(",")
    assert table.name == "orders"
    assert headers(table) == dict(
        zip(["order_id", "customer_id", "ordered_at", "amount", "status"], names, strict=True)
    )
    assert table.values["status"] == {status: "paid"}


def test_each_header_is_used_once_and_by_the_column_that_it_fits_most(tmp_path):
    text = "Invoice,Account,Date,Net,Gross\nA1,7,2025-01-31,10.00,12.00\nA2,8,2025-02-28,5.00,6.00\n"
    (table,) = drafted(tmp_path, text).tables
    found = headers(table)
    assert len(set(found.values())) == len(found)
    assert found["amount"] == "Net"
    assert table.columns["status"].value == {"value": "paid"}
    assert "counts as a paid order" in table.columns["status"].why


def test_each_mapped_column_has_a_reason_and_a_score(tmp_path):
    (table,) = drafted(tmp_path, f"Order,Customer,Created,Total,Status\n{_ROWS.format('paid')}").tables
    assert all(line.why and 0.6 <= line.score <= 1 for line in table.columns.values())


def test_a_name_without_fitting_values_is_not_mapped(tmp_path):
    text = f"Order,Customer,Order date,Total,Status,Refund date\n{_ROWS.format('paid').replace(chr(10), ',never' + chr(10))}"
    (table,) = drafted(tmp_path, text).tables
    assert "refunded_at" not in table.columns


def test_a_key_that_repeats_is_asked_about(tmp_path):
    text = (
        "order,customer,created,total,status\n1,7,2025-01-31,10,paid\n1,7,2025-01-31,12,paid\n2,8,2025-02-28,5,paid\n"
    )
    draft = drafted(tmp_path, text, {"table.export": "orders"})
    (table,) = draft.tables
    assert "order_id" not in headers(table)
    assert [question.key for question in table.questions] == ["column.orders.order_id"]
    (table,) = drafted(tmp_path, text, {"table.export": "orders", "column.orders.order_id": "yes"}).tables
    assert headers(table)["order_id"] == "order"


def test_a_file_that_fits_no_table_is_not_guessed(tmp_path):
    draft = drafted(tmp_path, "colour,weight\nred,1.5\nblue,2.5\n")
    assert draft.tables == []
    assert "no table fits" in draft.sources[0].options["unrecognised"].value


def test_a_word_that_nobody_knows_is_asked_about(tmp_path):
    text = f"order,customer,created,total,status\n{_ROWS.format('paid')}4,9,2025-04-30,5.00,frobbed\n"
    (table,) = drafted(tmp_path, text).tables
    assert [(question.key, question.allowed) for question in table.questions] == [
        ("status.frobbed", ("paid", "cancelled", "refunded"))
    ]
    (table,) = drafted(tmp_path, text, {"status.frobbed": "cancelled"}).tables
    assert table.values["status"] == {"frobbed": "cancelled"}
    with pytest.raises(InputError, match="not allowed"):
        drafted(tmp_path, text, {"status.frobbed": "lost"})


def test_the_order_of_day_and_month_is_asked_unless_another_column_shows_it(tmp_path):
    text = "order,customer,created,total,status{}\n1,7,03/04/2025,10,paid{}\n2,8,05/04/2025,12,paid{}\n"
    (source,) = drafted(tmp_path, text.format("", "", "")).sources
    assert source.options["date_format"].value.key == "date_order.export"
    (source,) = drafted(tmp_path, text.format("", "", ""), {"date_order.export": "month_first"}).sources
    assert source.options["date_format"].value == "%m/%d/%Y"
    (source,) = drafted(tmp_path, text.format(",refund date", ",28/04/2025", ",29/04/2025")).sources
    assert source.options["date_format"].value == "%d/%m/%Y"


def test_the_only_mark_before_three_digits_is_asked_about(tmp_path):
    text = 'order,customer,created,total,status\n1,7,2025-01-31,"1,234",paid\n2,8,2025-02-28,"2,345",paid\n'
    (source,) = drafted(tmp_path, text).sources
    assert source.options["thousands"].value.key == "mark.export"
    (source,) = drafted(tmp_path, text, {"mark.export": "decimal"}).sources
    assert source.options["decimal"].value == ","


def test_a_scale_whose_direction_no_file_shows_is_asked_about(tmp_path):
    text = "response,date,How satisfied are you?\n" + "".join(f"{n},2025-01-{n:02},{n % 5 + 1}\n" for n in range(1, 11))
    (table,) = drafted(tmp_path, text).tables
    assert [question.key for question in table.questions] == ["direction.satisfied"]
    draft = drafted(tmp_path, text, {"direction.satisfied": "down"})
    assert draft.items["satisfied"].value["scale"] == [1, 5]
    assert draft.tables[0].values["satisfied"] == {"1": "5", "2": "4", "3": "3", "4": "2", "5": "1"}


def test_credit_notes_and_keys_in_two_spellings_are_seen(tmp_path):
    text = "order,customer,created,total,status\n1,Ann,2025-01-31,10,paid\n2,ann,2025-02-28,-4,paid\n3,bo,2025-03-31,2,paid\n"
    (table,) = drafted(tmp_path, text).tables
    assert table.options["refunds"].value == {"stand_alone": True}
    assert table.options["ignore_case"].value == ["customer_id"]


def test_a_header_that_says_utc_is_utc(tmp_path):
    text = "order,customer,Created (UTC),total,status\n1,7,2025-01-31 10:00,10,paid\n2,8,2025-02-28 10:00,12,paid\n"
    (source,) = drafted(tmp_path, text).sources
    assert source.options["time_zone"].value == "UTC"


def test_a_survey_of_employees_is_not_taken_for_one_of_customers(tmp_path):
    text = "sheet,date,team,How satisfied are you?\n" + "".join(
        f"{n},2025-01-{n:02},A,{n % 5 + 1}\n" for n in range(1, 11)
    )
    assert drafted(tmp_path, text).tables == []


def test_a_column_that_may_be_the_key_is_asked_about_before_rows_are_numbered(tmp_path):
    rows = "".join(f"S{n},2025-01-{n:02},{n % 11}\n" for n in range(1, 21))
    (table,) = drafted(tmp_path, "sheet,date,How likely are you to recommend us?\n" + rows).tables
    assert [question.key for question in table.questions] == ["column.survey_responses.response_id"]
    without_key = "".join(f"2025-01-{n:02},{n % 11}\n" for n in range(1, 21))
    (table,) = drafted(tmp_path, "date,How likely are you to recommend us?\n" + without_key).tables
    assert table.columns["response_id"].value == {"row_number": True}
