"""What is said of a result: sentence, change, target, flags; and that a client's text is only ever text."""

import math
from datetime import datetime

import pytest
from bs4 import BeautifulSoup
from synthetic import HOSTILE, NAN, client, metric, rate, result, row

from crmnb.core.notes import Note
from crmnb.metrics.estimators import median_survival
from crmnb.report.html import printable, table, tag
from crmnb.report.text.changes import change_words
from crmnb.report.text.definitions import caveat_block, definition_html
from crmnb.report.text.flags import flag_words
from crmnb.report.text.sentences import sentence
from crmnb.report.text.values import noun, target_words, value_words

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"


def first(of):
    return next(of.whole.itertuples())


def said(facts: dict, **more) -> str:
    of = result([facts], **more)
    return sentence(of, first(of))


CORNER_SHOP = row(value=60.0, low=23.07, high=88.24, n=5, clusters=5, numerator=3, denominator=5, method="Wilson")


def test_a_rate_is_said_with_its_interval_and_what_it_rests_on():
    assert said(CORNER_SHOP) == "Repeat purchase rate, 2025: 60% (95% CI 23% to 88%; 3 of 5 buyers)"
    assert repr(result([CORNER_SHOP])) == said(CORNER_SHOP)


def test_numbers_follow_the_locale_and_the_level():
    facts = rate(11611, 20220, 0.3)
    assert (
        said(facts, whose=client(locale="de_DE", level=0.9))
        == f"Repeat purchase rate, 2025: 57,4{NBSP}% (90{NBSP}% CI 57,1{NBSP}% to 57,7{NBSP}%; 11.611 of 20.220 buyers)"
    )
    assert said(facts, whose=client(locale="nl_NL"), label="2025-03").startswith(
        "Repeat purchase rate, maart 2025: 57,4"
    )


def test_a_score_says_answers_and_from_how_many_customers():
    nps = metric(title="Net promoter score", unit="points", denominator="valid answers")
    facts = row(value=-12.3, low=-31, high=8.2, n=25, clusters=14, unit="points")
    expected = f"Net promoter score, 2025: {MINUS}12 points (95% CI {MINUS}31 to 8; 25 valid answers from 14 customers)"
    assert said(facts, of=nps) == expected


def test_a_count_names_what_it_counts():
    won = metric(title="New customers", unit="count", numerator="new customers", denominator="")
    assert (
        said(row(value=1591, low=1540, high=1645, n=1591, unit="count"), of=won)
        == "New customers, 2025: 1,591 new customers (95% CI 1,540 to 1,645)"
    )


def test_a_scale_names_its_ends():
    ces = metric(title="Customer effort score", unit="scale", denominator="valid answers")
    whose = client(items={"effort": {"scale": [1, 7], "direction": "effort"}})
    facts = row(value=3.31, low=2.1, high=4.5, n=13, clusters=13, unit="scale")
    settings = {"item": "effort (1 to 7, effort)"}
    assert said(facts, of=ces, whose=whose, settings=settings).startswith(
        "Customer effort score, 2025: 3.3 on a scale of 1 to 7 (95% CI 2.1 to 4.5;"
    )


def test_more_above_the_line_than_below_is_not_called_a_share():
    assert "2,035 against 2,022 customers" in said(
        row(value=100.6, n=2022, numerator=2035, denominator=2022), of=metric(denominator="customers at the start")
    )


def test_without_an_interval_none_is_invented():
    assert said(row(value=125.0, n=13)) == "Repeat purchase rate, 2025: 125% (13 buyers)"


def test_what_cannot_be_had_is_said_with_its_reason_and_no_number():
    gone = row(flags="unavailable", reason=Note("data_end_before_period", ends="2010-12-09", period="2011"))
    assert (
        said(gone) == "Repeat purchase rate, 2025: not available: the data end on 9 December 2010, before 2011 begins"
    )
    assert said(row(flags="suppressed")) == "Repeat purchase rate, 2025: not shown: fewer than 10"
    assert said(row()) == "Repeat purchase rate, 2025: not available: no data"
    assert "nan" not in result([gone])._repr_html_().lower()


LIVES = {"id": "median_lifetime", "title": "Median lifetime", "unit": "days", "denominator": "customers"}
LASTING = {"value": NAN, "low": 412.0, "high": math.inf, "n": 800, "clusters": 800, "unit": "days"}


def test_what_is_not_reached_yet_is_an_answer_with_its_interval():
    facts = row(**LASTING, flags="not_reached", reason="after 1,096 days 71% are still customers")
    assert said(facts, of=metric(**LIVES)) == (
        "Median lifetime, 2025: not reached: after 1,096 days 71% are still customers "
        "(95% CI 412 days or more; 800 customers)"
    )
    reason = row(**LASTING, flags="not_reached", reason="after 90 days all stay")
    assert said(reason, of=metric(**LIVES)).startswith("Median lifetime, 2025: not reached: after 90 days all stay (95")
    bare = row(flags="not_reached")
    assert said(bare, of=metric(**LIVES)) == "Median lifetime, 2025: not reached"
    shown = result([facts], of=metric(**LIVES))._repr_html_()
    assert "not available" not in shown
    assert "inf" not in shown.replace("information", "")


def test_what_is_hidden_is_hidden_although_it_were_not_reached():
    facts = row(**LASTING, flags="not_reached suppressed", reason="fewer than 10")
    assert said(facts, of=metric(**LIVES)) == "Median lifetime, 2025: not shown: fewer than 10"


def test_an_interval_may_have_no_upper_end():
    facts = row(**(LASTING | {"value": 620.0}))
    assert said(facts, of=metric(**LIVES)) == (
        "Median lifetime, 2025: 620 days (95% CI 412 days or more; 800 customers)"
    )


WAITING = {"id": "first_response_time", "title": "First response time", "unit": "hours", "denominator": "tickets"}


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.4, 0.395, 0.407, "24.0 minutes (95% CI 23.7 to 24.4; 800 tickets)"),
        (0.5, 0.31, 0.97, "30 minutes (95% CI 19 to 58; 800 tickets)"),
        (1.0, 0.5, 1.5, "1.0 hours (95% CI 0.5 to 1.5; 800 tickets)"),
        (0.0, 0.0, 0.0, "0 hours (95% CI 0 to 0; 800 tickets)"),
    ],
)
def test_a_part_of_an_hour_is_written_in_minutes(value, low, high, words):
    facts = {"value": value, "low": low, "high": high, "n": 800, "clusters": 800, "unit": "hours"}
    assert said(row(**facts), of=metric(**WAITING)) == f"First response time, 2025: {words}"


def test_levels_are_written_in_the_unit_of_their_whole():
    """A level that waits for more than an hour stands beside others that do not."""
    whole = row(value=0.4, low=0.38, high=0.42, n=800, clusters=800, unit="hours")
    level = row(value=1.5, low=1.2, high=1.8, n=80, clusters=80, unit="hours", segment="region", level="East")
    shown = result([whole, level], of=metric(**WAITING))
    assert value_words(shown, next(shown.rows[1:].itertuples())) == "90 minutes"


def test_an_unclear_change_of_an_amount_per_day_says_per_day():
    change = {"change": 7.0, "change_low": -5.0, "change_high": 19.0}
    of = result([row(value=40.0, low=30.0, high=50.0, n=9, unit="money per day", **change)])
    assert change_words(of, first(of)).text == f"no detectable change vs 2024 (95% CI {MINUS}£5 to +£19 per day)"


@pytest.mark.parametrize(
    ("change", "low", "high", "signal", "words", "tone"),
    [
        (3.1, 1.2, 5.0, "better", "+3.1 pts vs 2024 (95% CI 1.2 to 5.0)", "good"),
        (-3.1, -5.0, -1.2, "worse", f"{MINUS}3.1 pts vs 2024 (95% CI {MINUS}5.0 to {MINUS}1.2)", "bad"),
        (3.1, 1.2, 5.0, "changed", "+3.1 pts vs 2024 (95% CI 1.2 to 5.0)", "moved"),
        (0.7, -1.0, 2.4, "", f"no detectable change vs 2024 (95% CI {MINUS}1.0 to +2.4 pts)", "unclear"),
        (
            3.1,
            1.2,
            5.0,
            "",
            "no detectable change vs 2024 (95% CI +1.2 to +5.0 pts before correction for multiple comparisons)",
            "unclear",
        ),
        (3.1, NAN, NAN, "", "+3.1 pts vs 2024 (no interval)", "unclear"),
        (NAN, NAN, NAN, "", "", "none"),
    ],
)
def test_a_change_is_coloured_only_where_it_is_a_signal(change, low, high, signal, words, tone):
    of = result([CORNER_SHOP | {"change": change, "change_low": low, "change_high": high, "signal": signal}])
    told = change_words(of, first(of))
    assert (told.text, told.tone) == (words, tone)
    assert bool(told.arrow) == bool(signal)


def test_why_there_is_no_change_is_said():
    of = result(
        [CORNER_SHOP | {"reason": Note("no_comparison_partial", period="2025", begins=None, ends="2025-12-09")}]
    )
    assert change_words(of, first(of)).text == "no comparison: 2025 is partial (the data end on 9 December 2025)"


@pytest.mark.parametrize(
    ("better", "target", "words"),
    [
        ("up", 50.0, "target 50%: met"),
        ("up", 60.0, "target 60%: too close to call"),
        ("up", 70.0, "target 70%: missed"),
        ("down", 50.0, "target 50%: missed"),
        ("down", 70.0, "target 70%: met"),
        ("-", 70.0, "target 70%"),
        ("up", NAN, ""),
    ],
)
def test_a_target_is_met_only_when_the_whole_interval_says_so(better, target, words):
    of = result([rate(1200, 2000, 2.1, target=target)], of=metric(direction=better))
    assert target_words(of, first(of)) == words


def test_what_belongs_to_a_component_stands_below_it():
    known = {"change": 3.1, "change_low": 1.2, "change_high": 5.0, "signal": "better"}
    of = result(
        [rate(3, 5, 30, breakdown="a", **known), rate(4, 5, 20, breakdown="b", target=50.0)], notes=("A note.",)
    )
    assert repr(of).splitlines() == [
        "Repeat purchase rate, a, 2025: 60% (95% CI 30% to 90%; 3 of 5 buyers)",
        "  +3.1 pts vs 2024 (95% CI 1.2 to 5.0)",
        "Repeat purchase rate, b, 2025: 80% (95% CI 60% to 100%; 4 of 5 buyers)",
        "  target 50%: met",
        "  A note.",
    ]


def test_what_is_true_of_all_components_is_said_once_under_them():
    why = {"reason": Note("no_comparison_full_history"), "flags": "immature"}
    of = result([rate(3, 5, 30, breakdown=name, **why) for name in "abc"], notes=("A note.",))
    lines = [line.strip() for line in repr(of).splitlines()]
    assert lines[3:] == [
        "no comparison: uses the full history",
        "too early: follow-up is not complete for all of them",
        "A note.",
    ]
    assert of._repr_html_().count("uses the full history") == 1
    assert of._repr_html_().count("follow-up is not complete") == 1


def test_what_is_true_of_some_components_stands_below_those():
    early = {"reason": "no comparison: too early", "flags": "immature"}
    of = result([rate(3, 5, 30, breakdown="a", **early), rate(3, 5, 30, breakdown="b")])
    assert [line.strip() for line in repr(of).splitlines()][1] == "no comparison: too early"
    assert '<span class="change none">no comparison: too early</span>' in of._repr_html_()


def test_a_setting_without_a_value_is_not_told():
    shown = result([CORNER_SHOP], settings={"stages": "", "maturity_days": "90"})._repr_html_()
    assert "Follow-up of each lead: 90 days." in shown


def test_flags_are_words():
    of = result([rate(3, 5, 30, flags="immature low_base partial unreliable")], cutoff=datetime(2025, 12, 10))
    assert flag_words(of, first(of)) == [
        "too early: follow-up is not complete for all of them",
        "low base: fewer than 30 customers",
        "partial: the data end on 9 December 2025",
        "unreliable: too few customers for a reliable interval",
    ]


TICKETS = {"per_customer": False, "denominator": "tickets opened in the period"}


@pytest.mark.parametrize(
    ("measured", "clusters", "units", "few"),
    [
        (TICKETS, 5, "tickets", "tickets"),
        (TICKETS, 4, "customers", "customers"),  # who are known, and some of whom have several
        (TICKETS | {"estimate": median_survival}, 4, "customers", "tickets"),
        ({}, 5, "customers", "customers"),
    ],
)
def test_flags_name_what_is_counted(measured, clusters, units, few):
    of = result([rate(3, 5, 30, clusters=clusters, flags="low_base unreliable")], of=metric(**measured))
    assert flag_words(of, first(of)) == [
        f"low base: fewer than 30 {units}",
        f"unreliable: too few {few} for a reliable interval",
    ]


def test_one_of_a_kind_is_not_many():
    backlog = metric(title="Backlog", unit="count", numerator="open tickets", denominator="", per_customer=False)
    assert said(row(value=1.0, n=1, clusters=1, unit="count"), of=backlog) == "Backlog, 2025: 1 open ticket"
    assert "(95% CI 5% to 100%; 1 of 1 buyer)" in said(rate(1, 1, 95))
    answers = row(value=50.0, n=2, clusters=1, unit="points")
    assert "2 valid answers from 1 customer)" in said(answers, of=metric(unit="points", denominator="valid answers"))


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("buyers in the period", "buyers"),
        ("valid answers", "valid answers"),
        ("tickets opened in the period", "tickets"),
        ("invitations that reached the customer", "invitations"),
        ("new buyers who can be followed that long", "new buyers"),
        ("customers, from their first day", "customers"),
        ("", ""),
    ],
)
def test_the_thing_counted_is_taken_from_its_description(text, thing):
    assert noun(text) == thing


def test_notes_and_settings_stand_beside_the_value():
    shown = result(
        [CORNER_SHOP], notes=("12 of 300 orders carry no customer",), settings={"at_least": "2"}
    )._repr_html_()
    text = BeautifulSoup(shown, "html.parser").select_one("p.notes").get_text()
    assert text == "12 of 300 orders carry no customer. 2 or more orders."


def test_of_many_notes_the_first_are_in_sight_and_the_rest_is_folded_with_the_settings():
    notes = tuple(f"note {k}" for k in range(6))
    shown = BeautifulSoup(result([CORNER_SHOP], notes=notes, settings={"at_least": "2"})._repr_html_(), "html.parser")
    assert shown.select_one("p.notes").get_text() == "Note 0. Note 1. Note 2. Note 3."
    assert shown.details.get_text() == "Methodology notesNote 4. Note 5. 2 or more orders."
    assert all(f"note {k}" in repr(result([CORNER_SHOP], notes=notes)) for k in range(6))


def test_the_metric_speaks_for_itself():
    of = result([CORNER_SHOP])
    assert repr(of.caveat).startswith("Caveat: A longer period leaves more room")
    terms = definition_html(of.metric)
    assert "Share of the period&#39;s buyers who ordered more than once in it." in terms
    assert "compare only periods of equal length." in terms
    assert caveat_block(of)._repr_html_().startswith('<p class="caveat"><strong>Caveat: </strong>')


def test_a_table_for_people_holds_words_not_nan():
    frame = result([CORNER_SHOP, row(part="2025-03", flags="suppressed", reason="fewer than 10")]).table()
    assert list(frame["Value"]) == ["60%", "not shown: fewer than 10"]
    assert list(frame["When"]) == ["2025", "March"]
    assert "nan" not in frame.to_html().lower()
    assert "Level" not in frame  # nothing in it


def test_html_is_escaped_wherever_a_text_comes_from():
    of = result(
        [CORNER_SHOP | {"breakdown": HOSTILE}, row(breakdown="b", flags="unavailable", reason=HOSTILE)],
        of=metric(title=HOSTILE, caution=HOSTILE, definition=HOSTILE),
        notes=(HOSTILE,),
        settings={"item": HOSTILE},
    )
    for shown in (of._repr_html_(), of.caveat._repr_html_(), str(definition_html(of.metric))):
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown
        assert "\x00" not in shown
        assert "\x1b" not in shown


def test_the_builder_escapes_children_attributes_and_forbidden_characters():
    assert tag("a", "<b>", href='"><script>') == '<a href="&#34;&gt;&lt;script&gt;">&lt;b&gt;</a>'
    assert tag("p", tag("b", "&"), None, "x\ud800y\x07") == "<p><b>&amp;</b>xy</p>"
    assert tag("img", alt="", hidden=True, title=None) == '<img alt="" hidden>'
    made = table(["Name", "n"], [["<i>", 3]], caption="<c>", numeric=(1,))
    assert '<th scope="row">&lt;i&gt;</th><td>3</td>' in made
    assert made.count('scope="col"') == 2


def test_a_name_is_one_line_without_control_characters():
    assert printable("a\nb\x00c\u202ed") == "a b c d"
    assert printable("x" * 50, 10) == "x" * 9 + "…"


def test_growth_that_may_be_chance_has_one_sign_of_per_cent_at_each_end():
    facts = row(value=4.0, low=0.6, high=7.5, previous=0.0, change=4.0, change_low=0.6, change_high=7.5, p_value=0.02)
    of = result([facts], of=metric(compares=True))
    assert (
        change_words(of, first(of)).text
        == "no detectable change (95% CI +0.6% to +7.5% before correction for multiple comparisons)"
    )
