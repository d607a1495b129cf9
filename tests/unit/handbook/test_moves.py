"""Which way a metric moves with each quantity of its formula; its neighbours; terms that are linked."""

import pytest
from bs4 import BeautifulSoup

from crmnb.handbook.moves import moves
from crmnb.handbook.neighbours import around, aspects, made_of, makes
from crmnb.handbook.texts import LinkedTexts
from crmnb.metrics.definition import catalogue
from crmnb.metrics.formulas import formula_of
from crmnb.report.text.glossary import TERMS, occurrences
from crmnb.schema.client import Privacy


@pytest.mark.parametrize(
    ("declared", "directions"),
    [
        ("100 * (P - D) / n, where P = promoters; D = detractors; n = answers.", {"P": "rises", "D": "falls"}),
        ("1 - (1 - c) ** (365.25 / d), where c = churn; d = days.", {"c": "rises", "d": "falls"}),
        ("m * f / c, where m = margin; f = orders; c = churn.", {"m": "rises", "f": "rises", "c": "falls"}),
        ("sum_i(x_i) / n, where x_i = an answer; n = answers.", {"x_i": "rises"}),  # n is how long the sum is
        ("sum_i(w_i * x_i) / sum_i(w_i), where w_i = a weight; x_i = an answer.", {"x_i": "rises"}),
        ("sqrt(a) - r, where a = one; r = a share, a / 2 of it.", {"a": "rises", "r": "falls"}),
        ("q * r, where q = one; r = the share that q makes.", {"r": "rises"}),  # q cannot rise alone
        ("smallest(t, S(t) <= 1 / 2), where t = days; S = a curve.", {}),
        ("all: k | per seller: k / s, where k = calls; s = sellers.", {}),
    ],
)
def test_moves_are_those_that_hold_whatever_the_others_are(declared, directions):
    assert moves(formula_of(declared, "", "", "")) == directions


def test_neighbours_are_inputs_dependents_and_aspects():
    retention, churn = catalogue()["retention_rate"], catalogue()["churn_rate"]
    assert made_of(churn) == [retention]
    assert churn in makes(retention)
    assert catalogue()["nps_shares"] in aspects(catalogue()["nps"])
    assert aspects(catalogue()["nps_shares"])[0] is catalogue()["nps"]
    first, *_, last = catalogue().values()
    assert around(first, catalogue().values())[0] is None
    assert around(last, catalogue().values())[1] is None


def test_a_term_is_linked_where_it_first_stands_on_a_page():
    linked = LinkedTexts()
    first = BeautifulSoup(linked("Promoters less <detractors>, promoters again."), "html.parser")
    assert [(a.get_text(), a["href"]) for a in first.find_all("a")] == [
        ("Promoters", "glossary.html#promoter"),
        ("detractors", "glossary.html#detractor"),
    ]
    assert first.get_text() == "Promoters less <detractors>, promoters again."
    assert "<a" not in linked("promoters once more")
    assert list(linked.terms) == ["promoter", "detractor"]


def test_terms_have_names_and_places_of_their_own():
    ids = [term.id for term in TERMS]
    assert len(ids) == len(set(ids))
    words = [word.lower() for term in TERMS for word in (term.name.partition(" (")[0], *term.also)]
    assert len(words) == len(set(words))
    assert all(term.text.endswith(".") for term in TERMS)


def test_a_term_is_a_word_of_its_own():
    assert occurrences("a misleading discounted-rate leadership") == []
    assert [term.name for _, _, term in occurrences("The hazard ratios of leads")] == ["Hazard", "Lead"]


def test_what_reports_say_of_small_and_weighted_groups_is_explained_with_its_numbers():
    texts = {term.name: term.text for term in TERMS}
    privacy = Privacy()
    assert str(privacy.min_base) in texts["Low base"]
    assert str(privacy.suppress_below) in texts["Not shown"]
    assert [term.name for _, _, term in occurrences("Survey weights, and suppression.")] == [
        "Survey weights",
        "Not shown",
    ]


def test_no_formula_sums_a_sum_and_every_time_to_answer_is_said():
    for metric in catalogue().values():
        assert not metric.formula or "sum of sum" not in metric.formula.text, metric.id
        if days := metric.settings.get("answer_days"):
            assert f"{days} days" in metric.definition, metric.id
