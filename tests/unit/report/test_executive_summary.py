"""The executive summary: targets, changes, segments and what is not known, as sentences made from results."""

import math

from bs4 import BeautifulSoup
from scipy.stats import norm
from synthetic import client, metric, rate, result, row

from crmnb.core.notes import Note
from crmnb.evaluate.segment_gaps import segment_gaps
from crmnb.report.tables.executive_summary import executive_summary, segment_differences
from crmnb.report.tables.key_changes import key_changes

BETTER = {"change": 4.0, "change_low": 1.0, "change_high": 7.0, "signal": "better"}
REGIONS = {"West": (800, 1000), "East": (700, 1000), "North": (790, 990)}


def sentences(*results) -> list[str]:
    return repr(executive_summary(list(results), list(results))).splitlines()


def of_regions(id_: str, regions=REGIONS, **facts):
    """A share of 10 levels or fewer with Wald limits, which is what the figures below are computed with by hand."""
    rows = [_share(sum(m for m, _ in regions.values()), sum(n for _, n in regions.values()), metric=id_)]
    rows += [_share(met, n, metric=id_, segment="region", level=level) for level, (met, n) in regions.items()]
    return result(rows, of=metric(id=id_, title=id_.replace("_", " ").capitalize(), **facts))


def _share(met: int, n: int, **where) -> dict:
    half = 196 * math.sqrt(met / n * (1 - met / n) / n)
    return rate(met, n, half, **where)


def test_missed_targets_come_first_each_with_value_and_target():
    met, missed = (
        result([rate(met, 100, 2, target=target, metric=id_)], of=metric(id=id_, title=id_))
        for id_, met, target in (("Loyalty", 80, 70.0), ("Speed", 50, 60.0))
    )
    near = result([rate(60, 100, 9, target=62.0, metric="Reach")], of=metric(id="Reach", title="Reach"))
    assert sentences(met, missed, near)[0] == (
        "1 of 3 targets met. Missed: Speed 50% (target 60%). Met: Loyalty 80% (target 70%). Too close to call: Reach 60% (target 62%)."
    )


def test_targets_count_on_every_metric_of_the_report_those_of_key_metrics_first():
    """Four targets are met, three of them are named; the one of the key metric is the first."""
    others = [result([rate(90, 100, 2, target=70.0, metric=id_)], of=metric(id=id_, title=id_)) for id_ in "abcd"]
    key, plain = others[-1], result([rate(50, 100, 9, metric="e")], of=metric(id="e", title="e"))
    words = repr(executive_summary([key, plain], [*others, plain])).splitlines()[0]
    assert words == "4 of 4 targets met. Met: d 90% (target 70%), a 90% (target 70%), b 90% (target 70%) and 1 more."


def test_changes_are_named_by_what_they_mean_and_nothing_changed_is_said_as_plainly():
    moved = result([rate(1000, 2000, 2, metric="a", **BETTER)], of=metric(id="a", title="Retention"))
    calm = {"change": 1.0, "change_low": -2.0, "change_high": 4.0}
    still = result([rate(1000, 2000, 2, metric="b", **calm)], of=metric(id="b", title="Win rate"))
    assert sentences(moved, still)[0] == "Better than 2024: Retention (+4.0 pts)."
    assert sentences(still)[0] == "No detectable change vs 2024 in any metric of the whole client."


def test_a_gap_is_the_difference_from_the_largest_level_with_its_normal_interval_and_holm():
    """East: 70 % of 1,000 against 80 % of 1,000; North does not differ beyond chance."""
    [gap] = segment_gaps([of_regions("a")])
    error = math.sqrt(0.8 * 0.2 / 1000 + 0.7 * 0.3 / 1000)
    assert (gap.level.level, gap.largest.level, gap.tone) == ("East", "West", "worse")
    assert math.isclose(gap.difference, -10)
    assert abs((gap.high - gap.low) / 2 - 196 * error) < 0.1
    assert norm.sf(0.1 / error) * 2 * 2 < 0.05


def test_the_level_that_is_behind_in_most_key_metrics_is_named_with_both_values():
    summary = sentences(of_regions("a"), of_regions("b"), of_regions("c", {"West": (500, 1000), "East": (505, 999)}))
    assert (
        summary[-1]
        == "Region East is behind West, the largest group, in 2 of 3 key metrics: A 70% vs 80% and B 70% vs 80%."
    )


def test_counts_of_levels_are_not_compared():
    counts = [
        row(value=n, n=n, low=n - 5, high=n + 5, unit="count", metric="a", segment=s, level=x)
        for s, x, n in (("", "", 90), ("region", "West", 60), ("region", "East", 30))
    ]
    assert segment_gaps([result(counts, of=metric(id="a", unit="count", denominator=""))]) == []


def test_differences_are_listed_with_the_metric_the_values_and_the_interval():
    text = repr(segment_differences([of_regions("a")]))
    assert (
        text == "A, by region: East 70% vs West 80% (\N{MINUS SIGN}10 pts, 95% CI \N{MINUS SIGN}14 to \N{MINUS SIGN}6)"
    )
    assert segment_differences([of_regions("c", {"West": (500, 1000), "East": (505, 999)})]) is None


def test_a_key_metric_without_a_figure_is_named_with_its_reason_and_without_a_link():
    gone = result(
        [row(flags="unavailable", reason=Note("needs_table", table="leads", grain="a lead"))],
        of=metric(id="x", title="Win rate"),
    )
    html = executive_summary([gone], [gone])
    assert repr(html) == "Not known: Win rate (not available: needs the table leads: a lead)."
    assert not BeautifulSoup(html._repr_html_(), "html.parser").find("a")


def test_every_name_leads_to_the_metric_s_block():
    page = BeautifulSoup(executive_summary([of_regions("a")], [of_regions("a")])._repr_html_(), "html.parser")
    assert {link["href"] for link in page.find_all("a")} == {"retention.html#metric-a"}


def test_objectives_come_first_among_the_changes_then_targets_then_the_strongest_evidence():
    def moved(id_, margin, **facts):
        change = BETTER | {"change_low": 4 - margin, "change_high": 4 + margin}
        made = result([rate(1000, 2000, 2, metric=id_, **change, **facts)], of=metric(id=id_, title=id_))
        return made.__class__(**{**made.__dict__, "client": client(objectives=("objective",))})

    facts = key_changes([moved("strong", 0.5), moved("objective", 3.5), moved("goal", 3.0, target=40.0)])
    assert [line.split(":")[0] for line in repr(facts).splitlines()] == ["objective", "goal", "strong"]


def test_where_there_is_nothing_to_say_there_is_no_summary():
    plain = result([rate(1000, 2000, 2, metric="a")], of=metric(id="a"))
    assert executive_summary([plain], [plain]) is None
