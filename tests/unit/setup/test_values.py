"""Times, numbers and personal data are recognised by their form, and nothing is recognised that has two readings without saying so."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmnb.setup.values import normalised, numbers_of, personal_kind, times_of

_MOMENT = datetime(2024, 11, 22, 23, 14, 31)
_FORMATS = [
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M",
    "%b %d, %Y, %I:%M:%S %p",
    "%d-%b-%y",
    "%Y%m%d",
    "%B %d, %Y",
]


@pytest.mark.parametrize("form", _FORMATS)
def test_a_day_after_the_twelfth_has_one_format(form):
    assert times_of([_MOMENT.strftime(form)]).formats == (form,)


def test_a_day_up_to_the_twelfth_has_two_formats():
    assert times_of(["03/04/2025"]).formats == ("%d/%m/%Y", "%m/%d/%Y")
    assert times_of(["03/04/2025", "25/04/2025"]).formats == ("%d/%m/%Y",)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("2025-01-01T02:00:00Z", "offset"),
        ("2025-01-01 02:00:00 -0500", "offset"),
        ("2025/03/28 12:11:03 PM GMT+1", "offset"),
        ("2025-01-01 02:00:00 UTC", "UTC"),
        ("2025-01-01 02:00:00", ""),
        ("1748736000000000", "UTC"),
    ],
)
def test_the_mark_of_a_zone_is_seen(text, mark):
    assert times_of([text]).mark == mark


@pytest.mark.parametrize(
    ("text", "form"), [("1748736000", "epoch_s"), ("1748736000000", "epoch_ms"), ("1748736000000000", "epoch_us")]
)
def test_seconds_since_1970_are_times_of_this_century(text, form):
    times = times_of([text])
    assert (times.formats, times.first) == ((form,), "2025-06-01")


def test_months_in_two_notations_are_read_together():
    times = times_of(["2025-01", "Feb-25"])
    assert (times.is_month, times.mixed) == (True, ("%Y-%m", "%b-%y"))


@pytest.mark.parametrize("values", [["yesterday"], ["12.5"], ["2025-13-01"], ["2025-01-01", "soon"], []])
def test_what_is_no_time_is_none(values):
    assert times_of(values) is None


@pytest.mark.parametrize(
    ("values", "decimal", "thousands", "signs"),
    [
        (["$1,234.50", "($200.00)", "50.00-"], ".", ",", ("$",)),
        (["1.234,50 €", "7,00 €"], ",", ".", ("€",)),
        (["1 234,5", "12,0"], ",", " ", ()),
        (["1'234.50"], ".", "'", ()),
        (["12.5", "3"], ".", "", ()),
        (["12,5", "3"], ",", "", ()),
        (["1,234,567"], ".", ",", ()),
    ],
)
def test_the_marks_of_numbers(values, decimal, thousands, signs):
    numbers = numbers_of(values)
    assert (numbers.decimal, numbers.thousands, numbers.signs, numbers.is_ambiguous) == (
        decimal,
        thousands,
        signs,
        False,
    )


def test_accounting_notation_is_negative():
    assert numbers_of(["$900.00", "($200.00)", "50.00-", "-$100.00"]).low == -200


@pytest.mark.parametrize("text", ["1,234", "1.234"])
def test_three_digits_after_the_only_mark_are_ambiguous(text):
    assert numbers_of([text]).is_ambiguous


@pytest.mark.parametrize("values", [["0042"], ["#1001"], ["Q1"], ["A7"], ["12 apples"], ["1.2.3"], [""], ["-"]])
def test_keys_and_texts_are_no_numbers(values):
    assert numbers_of(values) is None


@given(st.lists(st.decimals(-(10**7), 10**7, places=2), min_size=1))
def test_numbers_that_python_writes_are_read_with_their_range(values):
    numbers = numbers_of([f"{value:,.2f}" for value in values])
    assert (numbers.low, numbers.high) == (float(min(values)), float(max(values)))


@settings(deadline=None)
@given(st.lists(st.text()))
def test_no_text_breaks_the_recognition(values):
    times_of(values)
    numbers_of(values)
    personal_kind(values)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a.b@example.com", "an e-mail address"),
        ("+44 20 7946 0000", "a phone number"),
        ("10.0.0.1", "an IP address"),
        ("red", ""),
    ],
)
def test_personal_data_are_recognised(value, kind):
    assert personal_kind([value]) == kind


def test_headers_are_compared_without_case_accents_and_zones():
    assert normalised("Numéro_de Commande") == "numero de commande"
    assert normalised("orderDate (UTC)") == "order date"
