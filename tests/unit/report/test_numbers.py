"""Numbers and dates as people of three locales write them, with the digits that their interval deserves."""

import math

import pytest
from synthetic import client

from crmnb.core.period import Period
from crmnb.report.text.numbers import (
    change_decimals,
    counted,
    decimals_of,
    limits_text,
    localised,
    money,
    number,
    part_name,
    part_tick,
    percent,
    period_name,
    quantity,
    singular,
)

BRITISH = client()
GERMAN = client(locale="de_DE", currency="EUR")
DUTCH = client(locale="nl_NL", currency="EUR")
NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "half_width", "unit", "decimals"),
    [
        (62.4, 3, "%", 0),
        (62.44, 0.3, "%", 1),
        (62.444, 0.03, "%", 2),
        (62.4, 1, "%", 0),
        (62.4, 0.99, "%", 1),
        (62.4, 12, "%", 0),
        (8.2, 40, "points", 0),
        (481.2, 55, "money", 0),
        (481.2, 0.4, "money", 1),
        (3.3, 1.2, "scale", 1),
        (1.71, 0.4, "orders per buyer", 1),
        (41.2, 3, "days", 0),
        (591, 52, "count", 0),
        (62.4, 0.0001, "%", 3),
        (2.14, 0.48, "hazard ratio", 2),
        (2.14, 0.48, "ratio", 1),
    ],
)
def test_an_interval_says_how_many_digits_its_value_deserves(value, half_width, unit, decimals):
    assert decimals_of(value, value - half_width, value + half_width, unit) == decimals


@pytest.mark.parametrize(("value", "unit", "decimals"), [(125.0, "%", 0), (12.345, "%", 1), (2.345, "days", 2)])
def test_without_an_interval_three_digits_in_all(value, unit, decimals):
    assert decimals_of(value, math.nan, math.nan, unit) == decimals


def test_what_cannot_be_told_from_zero_has_no_decimals():
    assert decimals_of(0.0001, 0.00005, 0.0003, "%") == 0
    assert decimals_of(0.003, 0.002, 0.006, "%") == 3


def test_whole_numbers_with_whole_ends_are_shown_whole():
    assert decimals_of(7.0, 7.0, 8.0, "months") == 0
    assert decimals_of(7.5, 7.0, 8.0, "months") == 1
    assert decimals_of(3.0, 2.0, 5.0, "days") == 0
    assert decimals_of(3.0, 2.0, math.inf, "days") == 0
    assert decimals_of(3.0, unit="contacts") == 0
    assert decimals_of(3.0, 2.4, 3.6, "contacts") == 1
    assert change_decimals(1.0, -1.0, 3.0, "days") == 0
    assert change_decimals(1.0, -1.2, 3.2, "days") == 1


@pytest.mark.parametrize(
    ("things", "thing"),
    [
        ("open tickets", "open ticket"),
        ("previous customers", "previous customer"),
        ("customers expected to leave", "customer expected to leave"),
        ("orders per buyer", "order per buyer"),
        ("deliveries", "delivery"),
        ("purchases", "purchase"),
        ("losses", "loss"),
        ("revenue", "revenue"),
        ("count", "count"),
    ],
)
def test_of_one_thing_the_noun_is_singular(things, thing):
    assert singular(things) == thing
    assert counted(1, things, BRITISH) == f"1 {thing}"
    assert counted(2, things, BRITISH) == f"2 {things}"


@pytest.mark.parametrize(("low", "high", "decimals"), [(1.2, 5.0, 1), (-1.0, 2.4, 1), (-52, 29, 0), (-0.1, 0.8, 1)])
def test_a_change_gets_one_digit_more_where_its_half_width_begins_low(low, high, decimals):
    assert change_decimals((low + high) / 2, low, high, "%") == decimals


def test_numbers_are_written_as_in_the_locale_with_a_true_minus():
    assert number(-1234567.891, 2, BRITISH) == f"{MINUS}1,234,567.89"
    assert number(-1234567.891, 2, GERMAN) == f"{MINUS}1.234.567,89"
    assert number(-1234567.891, 1, DUTCH) == f"{MINUS}1.234.567,9"


def test_a_half_is_rounded_up_and_nothing_is_minus_zero():
    assert number(2.5, 0, BRITISH) == "3"
    assert number(62.5, 0, BRITISH) == "63"
    assert number(2.675, 2, BRITISH) == "2.68"  # 2.675 is a little less in binary
    assert number(-0.04, 1, BRITISH) == "0.0"


def test_money_is_in_the_currency_with_its_coins_only_where_deserved():
    assert money(1234.5, 0, BRITISH) == "£1,235"
    assert money(1234.5, 1, BRITISH) == "£1,234.50"
    assert money(-1234.5, 1, GERMAN) == f"{MINUS}1.234,50{NBSP}€"
    assert money(-1234.5, 1, DUTCH) == f"€{NBSP}{MINUS}1.234,50"
    assert money(1234.5, 1, client(currency="JPY")) == "JP¥1,235"  # a yen has no coins


def test_a_quantity_carries_its_unit():
    assert quantity(60.0, "%", 0, BRITISH) == "60%"
    assert quantity(-12.3, "points", 0, BRITISH) == f"{MINUS}12 points"
    assert quantity(2.41, "orders per buyer", 1, GERMAN) == "2,4 orders per buyer"
    assert quantity(591, "count", 0, GERMAN) == "591"


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "written"),
    [
        (2.14, "ratio", 1, "2.1"),
        (0.62, "share", 2, "0.62"),
        (0.47, "hazard ratio", 2, "0.47"),
        (412.4, "days", 0, "412 days"),
        (1.0, "days", 0, "1 day"),
        (1.0, "months", 1, "1.0 months"),
        (1234.5, "money per day", 0, "£1,235 per day"),
        (-3.456, "money per day", 1, f"{MINUS}£3.46 per day"),
    ],
)
def test_ratios_are_bare_and_times_and_amounts_have_their_words(value, unit, decimals, written):
    assert quantity(value, unit, decimals, BRITISH) == written


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("days", "412 days or more"),
        ("%", "412% or more"),
        ("money per day", "£412 per day or more"),
        ("ratio", "412 or more"),
    ],
)
def test_a_span_without_an_upper_end_says_so(unit, words):
    assert limits_text(412, math.inf, unit, 0, BRITISH) == words


def test_a_span_of_amounts_per_day_is_of_amounts():
    assert limits_text(12, 40, "money per day", 0, BRITISH) == "£12 to £40"


def test_a_span_repeats_the_percent_sign_and_the_currency_only():
    assert limits_text(23.1, 88.2, "%", 0, BRITISH) == "23% to 88%"
    assert limits_text(-31, 8.2, "points", 0, BRITISH) == f"{MINUS}31 to 8"
    assert limits_text(431, 540.1, "money", 0, GERMAN) == f"431{NBSP}€ to 540{NBSP}€"


def test_a_level_has_a_decimal_only_where_it_needs_one():
    assert percent(0.95, GERMAN) == f"95{NBSP}%"
    assert percent(0.995, GERMAN) == f"99,5{NBSP}%"


@pytest.mark.parametrize(
    ("label", "british", "german"),
    [
        ("2025", "2025", "2025"),
        ("2025Q4", "Q4 2025", "Q4 2025"),
        ("2025-03", "March 2025", "März 2025"),
        ("2025-10-06..2025-10-06", "6 October 2025", "6. Oktober 2025"),
        ("FY2025Q4", "Q4 FY2025", "Q4 FY2025"),
        (
            "2025-03-01..2025-05-31",
            "1 Mar\u2009\u2013\u200931 May 2025",
            "1. März\u2009\u2013\u200931. Mai 2025",
        ),  # no quarter
    ],
)
def test_a_period_is_named_as_people_name_it(label, british, german):
    assert period_name(label, BRITISH) == british
    assert period_name(label, GERMAN) == german


def test_a_part_leaves_out_the_year_that_goes_without_saying():
    assert part_name("2025-03", Period.parse("2025"), DUTCH) == "maart"
    assert part_name("2025-03", Period.parse("2024-07-01..2025-06-30"), BRITISH) == "March 2025"
    assert part_tick("2025-01", False, BRITISH) == "Jan\n2025"
    assert part_tick("2025-02", False, BRITISH) == "Feb"


def test_dates_inside_a_reason_are_put_as_people_write_them():
    assert localised("the data end on 2010-12-09", BRITISH) == "the data end on 9 December 2010"
    assert localised("the data end on 2010-12-09", GERMAN) == "the data end on 9. Dezember 2010"
    assert localised("2,040 of 1,055,244 orders, 7 of 12", GERMAN) == "2.040 of 1.055.244 orders, 7 of 12"
    assert localised("no buyers in 2025-09.", BRITISH) == "no buyers in September 2025."
    assert localised("2010-99-99, 12-2010-1 and 2025 stay", BRITISH) == "2010-99-99, 12-2010-1 and 2025 stay"
