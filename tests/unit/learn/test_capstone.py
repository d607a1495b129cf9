"""The capstone: ten faults that change what is shown, and a check that names what was missed and what was marked in vain."""

import re
from functools import cache

import pytest

from crmnb.core.errors import InputError
from crmnb.learn import capstone
from crmnb.learn.capstone import FAULTS, Report, check_marks, page, report_of
from crmnb.learn.capstone_lines import lines

SEEDS = (1, 2, 3)


@cache
def made(seed: int) -> Report:
    return report_of(seed)


@pytest.fixture(autouse=True)
def reports_are_made_once(monkeypatch):
    monkeypatch.setattr(capstone, "report_of", made)


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_faults_each_of_which_changes_what_is_shown(seed):
    report = made(seed)
    assert len(report.faults) == FAULTS
    assert len({line.name for line in report.faults.values()}) == FAULTS
    for number, line in report.faults.items():
        assert report.texts[number - 1] == line.faulty(report.facts) != line.right(report.facts)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_other_lines_are_in_order(seed):
    report = made(seed)
    sound = [text for number, text in enumerate(report.texts, 1) if number not in report.faults]
    assert not {line.faulty(report.facts) for line in report.faults.values()} & set(sound)
    assert len(sound) == len(lines()) - FAULTS + 4


def test_seeds_differ_and_a_seed_stays():
    assert made(1).texts != made(2).texts
    assert report_of(2).texts == made(2).texts


def test_the_named_faults_of_the_design_are_among_them():
    names = {line.name for line in lines()}
    assert names >= {"wrong denominator", "pooled surveys", "partial period compared", "difference within chance"}
    assert names >= {"suppressed by subtraction", "currency mixed"}


def test_all_faults_marked_pass():
    verdict = check_marks(1, made(1).faults)
    assert (verdict.passed, verdict.missed, verdict.in_vain) == (True, (), ())


def test_what_was_missed_and_what_was_marked_in_vain_is_named():
    faulty = sorted(made(1).faults)
    sound = next(number for number in range(1, 30) if number not in made(1).faults)
    verdict = check_marks(1, [*faulty[2:], sound])
    assert not verdict.passed
    assert set(verdict.missed) == {made(1).faults[number].name for number in faulty[:2]}
    assert verdict.in_vain == (sound,)
    assert f"In vain, line {sound}" in verdict.text
    assert f"Missed, line {faulty[0]}: {made(1).faults[faulty[0]].name}" in verdict.text
    assert verdict.score == "8 of 10 faults found, 1 marked in vain"


def test_to_mark_everything_does_not_pass():
    assert not check_marks(1, range(1, len(made(1).texts) + 1)).passed


def test_a_line_that_does_not_exist_is_an_error():
    with pytest.raises(InputError, match="no line 99"):
        check_marks(1, [99])


def test_a_fault_can_be_found_by_the_table_of_the_page():
    """Numbers of the table suffice, for example, to see that the response rate has another base than it says."""
    facts = made(1).facts
    line = next(line for line in lines() if line.name == "wrong denominator")
    stated = float(re.search(r"([\d.]+)%", line.faulty(facts))[1])
    assert stated != pytest.approx(100 * facts.answered / facts.invited, abs=0.05)
    assert any(f"{facts.invited}, {facts.reached}, {facts.answered}" == number for _, number in capstone.counted(facts))


def test_the_page_is_plain_html():
    html = page(made(1), 1)
    assert html.count("<li>") == len(made(1).texts)
    assert '<html lang="en">' in html
    assert html.count("<h1>") == 1
    assert "<script" not in html
    assert not any(line.name in html for line in made(1).faults.values())
