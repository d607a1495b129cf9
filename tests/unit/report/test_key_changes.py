"""Key changes: a short list of facts, the surest first, each with the metrics that express the same."""

from dataclasses import replace

from bs4 import BeautifulSoup
from synthetic import metric, rate, result

from crmnb.report.tables.key_changes import MOST_FACTS, key_changes
from crmnb.report.text.numbers import MINUS

BETTER = {"change": 4.0, "change_low": 1.0, "change_high": 7.0, "signal": "better"}
WORSE = {"change": -5.0, "change_low": -8.0, "change_high": -2.0, "signal": "worse"}


def changed(id_: str, margin: float = 3.0, *, item: str = "", signal: str = "better", breakdown: str = "", **facts):
    """A result with one signal: 4 points with an interval of that margin."""
    change = 4.0 if signal == "better" else -4.0
    moved = {"change": change, "change_low": change - margin, "change_high": change + margin, "signal": signal}
    of = metric(id=id_, title=id_.replace("_", " ").capitalize(), **facts)
    made = result([rate(1000, 2000, 2, breakdown=breakdown, metric=id_, **moved)], of=of)
    return replace(made, settings={"item": item} if item else {})


def lines(*results) -> list[str]:
    return repr(key_changes(list(results))).splitlines()


def test_the_whole_client_comes_before_segments_and_levels_of_one_segmentation_share_a_line():
    rows = [
        rate(1000, 2000, 2, **BETTER),
        rate(50, 100, 9, segment="region", level="North", **WORSE),
        rate(900, 1800, 3, segment="region", level="South", **WORSE),
        rate(50, 100, 9, segment="region", level="East", change=9.0, change_low=-1.0, change_high=19.0),
    ]
    shown = key_changes([result(rows)])
    assert repr(shown).splitlines() == [
        "Repeat purchase rate: +4.0 pts vs 2024 (95% CI 1.0 to 7.0)",
        f"Repeat purchase rate, by region: North {MINUS}5.0 pts ({MINUS}8.0 to {MINUS}2.0); South {MINUS}5.0 pts ({MINUS}8.0 to {MINUS}2.0)",
    ]
    page = BeautifulSoup(shown._repr_html_(), "html.parser")
    assert [len(part.find_all("li")) for part in page.find_all(["ul", "details"], recursive=False)] == [1, 1]
    assert page.summary.text == "2 changes in segments"
    groups_only = BeautifulSoup(key_changes([result(rows[1:])])._repr_html_(), "html.parser")
    assert groups_only.details is None
    assert len(groups_only.find_all("li")) == 1


def test_the_fact_with_the_strongest_evidence_comes_first():
    shown = lines(changed("wide", 3.9), changed("narrow", 1.0), changed("middling", 2.0))
    assert [line.split(":")[0] for line in shown] == ["Narrow", "Middling", "Wide"]


def test_metrics_that_express_one_fact_are_one_entry_under_the_metric_that_they_come_from():
    kept = changed("retention_rate", 3.0)
    lost = changed("churn_rate", 1.0, inputs=("retention_rate",))
    yearly = changed("churn_in_a_year", 2.0, inputs=("churn_rate",))
    revenue = changed("revenue_kept", 2.0, aspect_of="retention_rate")
    assert lines(lost, yearly, revenue, kept, changed("other", 0.5)) == [
        "Other: +4.0 pts vs 2024 (95% CI 3.5 to 4.5)",
        "Retention rate: +4.0 pts vs 2024 (95% CI 1.0 to 7.0) Also: churn rate +4.0 pts; churn in a year +4.0 pts; revenue kept +4.0 pts.",
    ]
    # Without a change of its own, the metric that they come from does not stand for them.
    assert lines(result([rate(1, 2, 9)], of=kept.metric), yearly, lost) == [
        "Churn rate: +4.0 pts vs 2024 (95% CI 3.0 to 5.0) Also: churn in a year +4.0 pts."
    ]


def test_what_moved_the_other_way_or_asks_another_question_is_a_fact_of_its_own():
    csat, mean = changed("csat", 1.0, item="satisfied"), {"aspect_of": "csat"}
    assert len(lines(csat, changed("score", 2.0, item="satisfied", **mean))) == 1
    assert len(lines(csat, changed("score", 2.0, item="satisfied", signal="worse", **mean))) == 2
    assert len(lines(csat, changed("score", 2.0, item="quality", **mean))) == 2


def test_a_metric_with_several_inputs_belongs_to_the_changed_input_with_the_strongest_evidence():
    per = changed("value_per_cost", 2.0, inputs=("value", "cost"))
    assert [line.split(":")[0] for line in lines(per, changed("value", 3.0), changed("cost", 1.0))] == ["Cost", "Value"]
    assert [line.split(":")[0] for line in lines(per)] == ["Value per cost"]


def test_breakdowns_share_an_entry_and_a_variant_of_one_does_not_stand_for_it():
    rows = [
        rate(50, 100, 9, breakdown="support, answered", change=4.0, change_low=3.0, change_high=5.0, signal="better"),
        rate(50, 100, 9, breakdown="support", **BETTER),
        rate(50, 100, 9, breakdown="purchase", change=4.0, change_low=0.5, change_high=7.5, signal="better"),
    ]
    [line] = lines(result(rows))
    assert line.startswith("Repeat purchase rate, support: +4.0 pts")
    assert line.endswith("Also: support, answered +4.0 pts, purchase +4.0 pts.")


def test_at_most_seven_facts_are_seen_at_once():
    page = BeautifulSoup(
        key_changes([changed(f"metric_{n}", 1 + n / 10) for n in range(11)])._repr_html_(), "html.parser"
    )
    seen, folded = page.find("ul", recursive=False), page.details
    assert (len(seen.find_all("li")), len(folded.find_all("li"))) == (MOST_FACTS, 4)
    assert folded.summary.text == "4 more changes"


def test_changes_in_segments_of_related_metrics_are_counted_and_not_listed():
    kept, lost = changed("retention_rate"), changed("churn_rate", inputs=("retention_rate",))
    level = {"segment": "region", "level": "North", **BETTER}
    kept = replace(kept, rows=result([rate(50, 100, 9, metric="retention_rate", **level)]).rows)
    lost = replace(lost, rows=result([rate(50, 100, 9, metric="churn_rate", **level)]).rows)
    html = key_changes([kept, lost])._repr_html_()
    assert html.count("<li>") == 1
    assert "1 further change in segments belongs to related metrics" in html


def test_nothing_changed_is_said_so():
    calm = result([rate(1161, 2022, 2.1, change=3.1, change_low=-1.2, change_high=5.0)])
    assert repr(key_changes([calm])) == "No detectable changes."
    assert repr(key_changes([result([rate(1161, 2022, 2.1)])])) == "No comparison with another period."
