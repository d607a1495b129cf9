"""The rules of an explanation to a client."""

import pytest

from crmnb.learn.explanation import BARRED, faults, words_of

GOOD = "After a purchase the NPS was 25, from 8 answers. It may lie anywhere from -51 to 85, so it has not changed from 2024."


def test_a_good_explanation_has_no_fault():
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    "text",
    [
        "Of 8 customers 5 stayed: 63%. With so few it may be 31% to 86%. That is the same as last year.",
        "63% (n = 8; 95% CI 31 to 86) against a target of 70%.",
        "Customers paid \N{POUND SIGN}78 on average, 26 orders; between \N{POUND SIGN}13 and \N{POUND SIGN}402, no detectable change vs 2024.",
        "Sixty of hundred: 60%, +/- 10 points, up from 2024, from 100 respondents.",
    ],
)
def test_other_ways_to_say_it(text):
    assert faults(text) == []


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (", from 8 answers", "the base"),
        (" It may lie anywhere from -51 to 85, so it", "the interval"),
        (" has not changed from 2024", "a comparison"),
    ],
)
def test_what_is_left_out_is_named(part, what):
    (fault,) = faults(GOOD.replace(part, " It" if "lie" in part else ""))
    assert fault.startswith(f"It lacks {what}")


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("The rise is significant.", 1),
        ("This proves that we are good.", 1),
        ("The training caused it.", 1),
        ("It is due to the new staff.", 1),
        ("It is above the industry average.", 1),
        ("It is above the industry average (Source: Bain 2024).", 0),
        ("Improvement may come later.", 0),
    ],
)
def test_what_must_not_be_said(words, count):
    assert len(faults(f"{GOOD} {words}")) == count
    assert BARRED


def test_more_than_fifty_words_are_too_many():
    assert words_of("one - two, three") == 3
    assert "at most 50" in faults(GOOD + " well" * 40)[0]


def test_a_count_of_all_says_so_instead_of_an_interval():
    text = "In all 15 visits of 2025 were counted, against 1 in 2024; all 15 are known."
    assert faults(text, has_interval=False) == []
    assert faults(text.replace("all", "some").replace("counted", "seen"), has_interval=False)


def test_where_there_is_no_figure_the_reason_is_needed():
    assert faults("There is no figure, because fewer than 60 customers bought again.", has_figure=False) == []
    assert len(faults("It is 25.", has_figure=False)) == 2


def test_the_figures_of_the_report_must_be_named_perhaps_rounded():
    figures = {"the figure": "62.5%", "where it may lie": "31% to 86%"}
    text = "Of 8 customers {} stayed; it may be anywhere from {}, compared with 70 in 2024."
    assert faults(text.format("62.5%", "31% to 86%"), figures=figures) == []
    assert faults(text.format("about 62%", "31 to 86"), figures=figures) == []
    assert len(faults(text.format("99%", "10 to 20"), figures=figures)) == 2


@pytest.mark.parametrize(
    ("limits", "is_named"),
    [
        ("-51 to 85", True),
        ("\N{MINUS SIGN}51 to 85", True),
        ("minus 51 to 85", True),
        ("51 to 85", False),
        ("-51 to -85", False),
        ("51 - 85", False),
    ],
)
def test_a_figure_is_named_with_its_sign(limits, is_named):
    text = GOOD.replace("-51 to 85", limits)
    figures = {"where it may lie": "\N{MINUS SIGN}51 to 85"}
    assert (faults(text, figures=figures) == []) is is_named


@pytest.mark.parametrize("limits", ["31-86", "31%-86%", "31\N{EN DASH}86", "31 - 86", "31% to 86%"])
def test_a_dash_between_two_numbers_is_no_sign(limits):
    text = f"Of 8 customers 5 stayed; it may be anywhere from {limits}, compared with 70 in 2024."
    assert faults(text, figures={"where it may lie": "31% to 86%"}) == []
