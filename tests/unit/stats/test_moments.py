"""The estimators against a second, dumber route: statsmodels, a solved equation, or the textbook's formula."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from estimating import ends, infer, statistics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson
from statsmodels.stats.weightstats import DescrStatsW

from benchmarks.accuracy import coverage_samples as draw
from crmnb.metrics import estimators

RNG = np.random.default_rng(20251)
UNITS = 240
CUSTOMERS = RNG.integers(0, 60, UNITS)
SHARE_OF = RNG.beta(1, 2, 60)
YES = (RNG.random(UNITS) < SHARE_OF[CUSTOMERS]).astype(float)
ANSWER = 10 * SHARE_OF[CUSTOMERS] + RNG.normal(0, 2, UNITS)
WEIGHT = RNG.uniform(0.2, 3, UNITS)


def over_time(bins: Sequence[int], exposure: float = 1.0) -> pd.DataFrame:
    """One group's row of counts in equal spans."""
    bins = np.asarray(bins, dtype=float)
    scatter = ((bins - bins.mean()) ** 2).sum()
    row = {
        "num": bins.sum(),
        "den": exposure,
        "n": bins.sum(),
        "bins": float(len(bins)),
        "binned": bins.sum(),
        "ss": scatter,
    }
    return pd.DataFrame([row])


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_a_share_has_the_score_interval_of_statsmodels(level):
    for k, n in [(0, 1), (1, 1), (0, 10), (1, 10), (9, 14), (50, 100), (99, 100), (100, 100), (12, 40_000)]:
        row = infer(estimators.proportion, statistics([1] * k + [0] * (n - k)), level)
        assert row["value"] == k / n
        assert ends(row) == pytest.approx(proportion_confint(k, n, 1 - level, "wilson"), abs=1e-12)
        assert row["method"] == "Wilson"


def test_a_share_of_none_or_all_ends_there_exactly():
    assert infer(estimators.proportion, statistics([0] * 17))["low"] == 0.0
    assert infer(estimators.proportion, statistics([1] * 17))["high"] == 1.0


def test_a_weighted_share_counts_kishs_units():
    # Weights 1 1 2 4: 8 squared over 22 is 2.909 units; 6 of 8 by weight say yes.
    row = infer(estimators.proportion, statistics([1, 1, 0, 1], weights=[1, 1, 2, 4]))
    n = 64 / 22
    assert row["value"] == 6 / 8
    assert ends(row) == pytest.approx(proportion_confint(0.75 * n, n, 0.05, "wilson"))


def test_a_share_by_customer_solves_the_score_equation_at_the_effective_n():
    row = infer(estimators.proportion, statistics(YES, customers=CUSTOMERS))
    p = YES.mean()
    clusters = len(set(CUSTOMERS))
    # The variance of the share by customers, as the cluster-robust regression on a constant has it.
    robust = sm.OLS(YES, np.ones(UNITS)).fit(cov_type="cluster", cov_kwds={"groups": CUSTOMERS})
    n = p * (1 - p) / robust.bse[0] ** 2
    assert n < UNITS
    t = stats.t.ppf(0.975, clusters - 1)

    def off(true: float) -> float:
        return abs(p - true) - t * np.sqrt(true * (1 - true) / n)

    assert row["low"] == pytest.approx(optimize.brentq(off, 1e-9, p))
    assert row["high"] == pytest.approx(optimize.brentq(off, p, 1 - 1e-9))
    assert row["method"] == "Wilson by customer"


def test_customers_who_differ_no_more_than_units_do_not_make_more_of_the_units():
    # Everyone says yes once in three times, or twice in four: customers do not vary, units do. They count as units.
    t = stats.t.ppf(0.975, 19)
    for answers in ([1, 0, 0], [1, 0, 1, 0]):
        n, yes = 20 * len(answers), 20 * sum(answers)
        row = infer(estimators.proportion, statistics(answers * 20, customers=np.repeat(range(20), len(answers))))
        assert ends(row) == pytest.approx(proportion_confint(yes, n, 2 * stats.norm.sf(t), "wilson"))


def test_a_share_of_all_by_customer_counts_each_customer_once():
    row = infer(estimators.proportion, statistics([1] * 60, customers=np.repeat(range(20), 3)))
    t = stats.t.ppf(0.975, 19)
    assert ends(row) == (pytest.approx(20 / (20 + t**2)), 1.0)


@pytest.mark.parametrize(
    "estimator", [estimators.proportion, estimators.mean, estimators.net_promoters, estimators.money_mean]
)
def test_saying_everything_twice_does_not_make_it_surer(estimator):
    customers = np.arange(80)
    answers = np.where(customers % 3 == 0, 1.0, 0.0)
    once = infer(estimator, statistics(answers))
    twice = infer(estimator, statistics(np.tile(answers, 2), customers=np.tile(customers, 2)))
    assert twice["value"] == once["value"]
    assert twice["high"] - twice["low"] >= (once["high"] - once["low"]) * (1 - 1e-12)


@pytest.mark.parametrize(
    "estimator", [estimators.proportion, estimators.mean, estimators.net_promoters, estimators.money_mean]
)
def test_the_scale_of_the_weights_does_not_matter(estimator):
    one = infer(estimator, statistics(YES, customers=CUSTOMERS, weights=WEIGHT))
    ten = infer(estimator, statistics(YES, customers=CUSTOMERS, weights=10 * WEIGHT))
    assert [ten["value"], *ends(ten)] == pytest.approx([one["value"], *ends(one)])


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_a_mean_has_the_t_interval_of_statsmodels(level):
    row = infer(estimators.mean, statistics(ANSWER), level)
    assert row["value"] == pytest.approx(ANSWER.mean())
    assert ends(row) == pytest.approx(DescrStatsW(ANSWER).tconfint_mean(1 - level))
    assert row["method"] == "t"


@pytest.mark.parametrize("weights", [None, WEIGHT], ids=["equal weights", "weighted"])
def test_a_mean_by_customer_equals_the_cluster_robust_regression_on_a_constant(weights):
    row = infer(estimators.mean, statistics(ANSWER, customers=CUSTOMERS, weights=weights))
    model = sm.WLS(ANSWER, np.ones(UNITS), weights=1 if weights is None else weights)
    robust = model.fit(cov_type="cluster", cov_kwds={"groups": CUSTOMERS}, use_t=True)
    assert row["value"] == pytest.approx(robust.params[0])
    assert ends(row) == pytest.approx(tuple(robust.conf_int()[0]))


def test_a_ratio_of_sums_by_the_textbook():
    # Cochran 1977, Sampling Techniques, 6.4: v(r) = sum (y - r x)^2 / (n (n - 1) mean(x)^2).
    x, y = np.array([2.0, 3, 5, 7, 11, 4]), np.array([1.0, 1, 3, 3, 6, 1])
    r = 15 / 32
    v = sum((b - r * a) ** 2 for a, b in zip(x, y, strict=True)) / (6 * 5 * (32 / 6) ** 2)
    row = infer(estimators.ratio, statistics(y, x))
    half = stats.t.ppf(0.975, 5) * v**0.5
    assert [row["value"], *ends(row)] == pytest.approx([r, r - half, r + half])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=60), st.floats(0, 5000))
def test_none_is_called_top_heavy_of_whom_no_customer_brought_a_fifth(money, more):
    money = np.array([*money, more])
    s = statistics(money)
    if money.sum() > 0 and infer(estimators.money_mean, s)["top_heavy"]:
        assert money.max() > 0.2 * money.sum()


@pytest.mark.parametrize(("largest", "heavy"), [(0.0, False), (0.15, False), (0.3, True), (0.8, True)])
def test_who_brings_far_more_than_the_others_together_is_seen(largest, heavy):
    others = RNG.gamma(2, 50, 200)
    money = np.append(others, largest / (1 - largest) * others.sum())
    assert infer(estimators.money_mean, statistics(money))["top_heavy"] == heavy


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_a_money_mean_solves_halls_equation(level):
    # Hall 1992, JRSS-B 54:221: of T = sqrt(n) (mean - true) / s, the polynomial below is normal to second order.
    money = np.random.default_rng(4).lognormal(3, 1.2, 150)
    n, s = len(money), money.std(ddof=1)
    skew = stats.skew(money)

    def transformed(t: float) -> float:
        return t + skew * (t**2 / 3 + 1 / 6) / n**0.5 + skew**2 * t**3 / 27 / n

    q = stats.t.ppf((1 + level) / 2, n - 1)
    upper, lower = (optimize.brentq(lambda t, at=at: transformed(t) - at, -50, 50) for at in (q, -q))
    row = infer(estimators.money_mean, statistics(money), level)
    assert ends(row) == pytest.approx((money.mean() - upper * s / n**0.5, money.mean() - lower * s / n**0.5))
    assert row["high"] - row["value"] > row["value"] - row["low"]  # the long tail is above


def test_halls_interval_is_students_where_nothing_is_skewed():
    even = [-3, -2, -1, 0, 1, 2, 3] * 20
    assert ends(infer(estimators.money_mean, statistics(even))) == pytest.approx(
        ends(infer(estimators.mean, statistics(even)))
    )


def test_nps_by_customer_is_wider_than_by_row_when_customers_repeat_themselves():
    answers = np.repeat([1, 1, 0, -1, 1, 0, -1, 1, 1, 0] * 4, 3)
    by_row = infer(estimators.net_promoters, statistics(answers))
    by_customer = infer(estimators.net_promoters, statistics(answers, customers=np.repeat(range(40), 3)))
    assert by_row["value"] == by_customer["value"] == pytest.approx(0.3)
    assert by_customer["high"] - by_customer["low"] > 1.6 * (by_row["high"] - by_row["low"])  # sqrt(3) is 1.73


@pytest.mark.parametrize("total", [0, 1, 5, 12, 60, 600])
def test_a_count_that_scatters_no_more_than_poisson_has_the_exact_interval(total):
    row = infer(estimators.count, over_time([total // 12 + (week < total % 12) for week in range(12)]))
    assert ends(row) == pytest.approx(confint_poisson(total, 1, "exact-c"), abs=1e-12)
    assert row["method"] == "exact Poisson"


def test_a_count_per_exposure_is_divided_by_it():
    per = infer(estimators.count, over_time([4, 5, 6, 5], exposure=0.08))
    plain = infer(estimators.count, over_time([4, 5, 6, 5]))
    assert [per["value"], *ends(per)] == pytest.approx([x / 0.08 for x in (20, *ends(plain))])


def test_a_count_that_comes_in_bursts_is_counted_in_bursts():
    bins = [0, 12, 0, 0, 9, 1, 0, 14, 0, 0, 2, 10]  # 48 in 12 weeks
    glm = sm.GLM(bins, np.ones(12), family=sm.families.Poisson()).fit(scale="X2")
    row = infer(estimators.count, over_time(bins))
    bursts, tail = 48 / glm.scale, stats.norm.sf(stats.t.ppf(0.975, 11))
    # Garwood: the rates under which as many, or as few, are just that unlikely (a gamma is a Poisson read the other way).
    low = optimize.brentq(lambda rate: stats.gamma.cdf(rate, bursts) - tail, 1e-9, bursts)
    high = optimize.brentq(lambda rate: stats.gamma.sf(rate, bursts + 1) - tail, bursts, 100)
    assert glm.scale > 5
    assert ends(row) == pytest.approx((low * glm.scale, high * glm.scale))
    assert row["method"] == "quasi-Poisson"


def test_a_count_in_a_single_span_is_poisson():
    assert ends(infer(estimators.count, over_time([9]))) == pytest.approx(confint_poisson(9, 1, "exact-c"))


def test_a_census_has_a_value_and_no_interval():
    row = infer(estimators.census, statistics([1] * 9 + [0] * 3, [0] * 4 + [1] * 8))
    assert row["value"] == 9 / 8
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])
    assert row["method"] == "none"


def test_one_customer_alone_has_a_mean_and_no_interval():
    row = infer(estimators.mean, statistics([3.0, 4.0, 8.0], customers=[7, 7, 7]))
    assert row["value"] == 5
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_what_was_seen_to_cover_too_little_is_marked():
    def marked(estimator, frame) -> bool:
        return bool(infer(estimator, frame)["unreliable"])

    assert marked(estimators.money_mean, statistics(np.arange(299)))
    assert not marked(estimators.money_mean, statistics(np.arange(300)))
    twice = np.repeat(np.arange(30), 2)
    assert marked(estimators.mean, statistics(np.arange(58), customers=twice[:58]))
    assert not marked(estimators.mean, statistics(np.arange(60), customers=twice))
    assert not marked(estimators.mean, statistics(np.arange(10)))  # a low base is another matter
    assert marked(estimators.count, over_time([1, 1, 1, 1]))
    assert not marked(estimators.count, over_time([2, 1, 1, 1]))
    assert marked(estimators.count, over_time([40] + [0] * 11))  # forty at once are one event


def test_a_mean_on_a_scale_solves_the_score_equation_with_its_own_scatter():
    stars = np.array([5] * 14 + [4] * 3 + [3, 1])
    n, mean = len(stars), stars.mean()
    share, t = (mean - 1) / 4, stats.t.ppf(0.975, n - 1)
    # The scatter of the answers as a part of what yes-or-no answers with that mean would have.
    part = stars.var(ddof=1) / 16 / (share * (1 - share))

    def off(true: float) -> float:
        return abs(share - true) - t * np.sqrt(part * true * (1 - true) / n)

    row = estimators.mean_on_scale.infer(statistics(stars), 0.95, (1, 5)).iloc[0]
    low, high = optimize.brentq(off, 1e-9, share), optimize.brentq(off, share, 1 - 1e-9)
    assert [row["value"], *ends(row)] == pytest.approx([mean, 1 + 4 * low, 1 + 4 * high])
    assert high < 1


def test_a_mean_on_a_scale_is_the_same_on_another_and_upside_down():
    stars = np.array([5] * 14 + [4] * 3 + [3, 1])
    customers = np.arange(19) // 2
    row = estimators.mean_on_scale.infer(
        statistics(stars, customers=customers, weights=WEIGHT[:19]), 0.95, (1, 5)
    ).iloc[0]
    points = statistics((stars - 1) * 25, customers=customers, weights=WEIGHT[:19])
    effort = statistics(6 - stars, customers=customers, weights=WEIGHT[:19])
    assert ends(estimators.mean_on_scale.infer(points, 0.95, (0, 100)).iloc[0]) == pytest.approx(
        tuple((end - 1) * 25 for end in ends(row))
    )
    assert ends(estimators.mean_on_scale.infer(effort, 0.95, (1, 5)).iloc[0]) == pytest.approx(
        tuple(6 - end for end in ends(row)[::-1])
    )


@pytest.mark.parametrize("answer", [1, 3.3, 5])
def test_where_all_agree_a_mean_on_a_scale_is_still_not_certain(answer):
    row = estimators.mean_on_scale.infer(statistics([answer] * 12), 0.95, (1, 5)).iloc[0]
    assert row["value"] == pytest.approx(answer)
    assert 1 <= row["low"] <= answer + 1e-9
    assert answer - 1e-9 <= row["high"] <= 5
    assert row["high"] - row["low"] > 1


ESTIMATORS: list[tuple[estimators.Estimator, Callable]] = [
    (estimators.proportion, st.sampled_from([0.0, 1.0])),
    (estimators.net_promoters, st.sampled_from([-1.0, 0.0, 1.0])),
    (estimators.mean, st.integers(1, 5).map(float)),
    (estimators.money_mean, st.integers(0, 10_000).map(lambda pence: pence / 100)),
]


@pytest.mark.parametrize(("estimator", "value"), ESTIMATORS, ids=lambda x: getattr(x, "name", ""))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_sample_s_value_lies_in_its_interval_and_a_surer_one_is_wider(estimator, value, data):
    rows = data.draw(st.lists(st.tuples(value, st.integers(0, 6)), min_size=2, max_size=40))
    answers, customers = zip(*rows, strict=True)
    frame = statistics(answers, customers=customers)
    usual, sure = infer(estimator, frame), infer(estimator, frame, 0.99)
    if np.isnan(usual["low"]):
        assert len(set(customers)) == 1 or usual["method"].startswith("no interval: all are alike")
        return
    assert usual["low"] - 1e-9 <= usual["value"] <= usual["high"] + 1e-9
    assert sure["low"] - 1e-9 <= usual["low"]
    assert usual["high"] <= sure["high"] + 1e-9


# ---- Nothing has an interval of no width ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [estimators.mean, estimators.ratio, estimators.money_mean, estimators.money_retained],
    ids=lambda e: e.name,
)
def test_where_all_are_alike_a_mean_has_no_interval_rather_than_one_of_no_width(estimator):
    """Fifty who all brought 7 do not say that all others would."""
    told = estimator.infer(draw.moments(np.full((1, 50), 7.0)), 0.95).iloc[0]
    assert told["value"] == 7
    assert np.isnan([told["low"], told["high"]]).all()
    assert told["method"] == "no interval: all are alike"


def test_a_share_without_clusters_alone_treats_its_rows_as_independent():
    yes, ones = np.tile([0.0, 1.0], 25), np.ones(50)
    rows, customers = statistics(yes, ones), statistics(yes, ones, np.arange(50) // 2)
    assert [bool(infer(estimators.proportion, frame)["rows_independent"]) for frame in (rows, customers)] == [
        True,
        False,
    ]


@pytest.mark.parametrize("estimator", [estimators.money_mean, estimators.census], ids=lambda e: e.name)
def test_an_estimate_that_is_not_of_independent_rows_does_not_say_so(estimator):
    assert not estimator.infer(draw.moments(np.arange(50.0)[None, :]), 0.95)["rows_independent"].any()


@pytest.mark.parametrize(("leaves", "customers"), [(0.02, 100), (0.02, 400), (0.1, 100)])
def test_gross_revenue_retention_near_the_end_of_its_scale_holds_the_truth(leaves: float, customers: int):
    """Hall's interval has no width where nobody left: of 100 customers of whom 2 % leave it holds the truth in .85."""
    frame = draw.retained(np.random.default_rng(5), 2000, customers, 0.8, leaves, 0.0)
    told = estimators.money_share.infer(frame, 0.95)
    assert (told["high"] > told["low"]).all()
    held = ((told["low"] <= 1 - leaves) & (told["high"] >= 1 - leaves)).mean()
    assert 0.92 <= held <= 0.99


def test_customers_who_come_with_all_of_their_events_widen_a_count():
    """Customers come by chance, each with five events on average over the year: weeks scatter as Poisson does, years do not."""
    random, rows = np.random.default_rng(5), []
    for _ in range(1000):
        events = random.geometric(1 / 5, random.poisson(100))
        weeks = np.bincount(random.integers(0, 52, events.sum()), minlength=52)
        ss = ((weeks - weeks.mean()) ** 2).sum()
        total = float(events.sum())
        rows.append(
            {
                "num": total,
                "den": 1.0,
                "n": total,
                "bins": 52.0,
                "binned": total,
                "ss": ss,
                "squares": (events**2.0).sum(),
            }
        )
    counts = pd.DataFrame(rows).assign(exposed=lambda s: s["n"], plain=True)
    infer_count = estimators.count.infer
    by_customer, by_weeks = infer_count(counts, 0.95), infer_count(counts.drop(columns="squares"), 0.95)
    held, missed = (((out["low"] <= 500) & (out["high"] >= 500)).mean() for out in (by_customer, by_weeks))
    assert 0.93 <= held <= 0.97
    assert missed < 0.6
    assert set(by_customer["method"]) == {"compound Poisson, by customer"}
