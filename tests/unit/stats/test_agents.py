"""Agents: funnel plots, shrunken means and the regression by cluster, by second routes and simulation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from crmnb.stats import agents, ticket_effects
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.clustered_regression import regression
from crmnb.stats.models.empirical_bayes import shrunken
from crmnb.stats.models.funnel_plot import funnel, limits, standardise

NAMES = ("Ana", "Bram", "Cho", "Dov", "Eli", "Fay", "Gus", "Hal")
ORDER = (*NAMES[3:], "Zoe", *NAMES[:3], *(f"agent {place:02}" for place in range(12)))  # of codes
CONTEXT = EstimationContext(0.95, {"name_agents": False, "agents": ORDER})


def tickets(seed: int, between: float = 0.0, cases: int = 200) -> pd.DataFrame:
    """Tickets of agents with hard and easy kinds, of whom each has more of one."""
    rng, parts = np.random.default_rng(seed), []
    for place, name in enumerate(NAMES):
        hard = rng.random(cases) < 0.1 + 0.1 * place
        chance = np.where(hard, 0.3, 0.8) + between * (-1) ** place
        parts.append(
            pd.DataFrame(
                {
                    "agent": name,
                    "stratum": np.where(hard, "hard", "easy"),
                    "resolved": (rng.random(cases) < chance).astype(int),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def groups(rows: pd.DataFrame) -> list[GroupedCounts]:
    made = []
    for name, own in rows.groupby("agent"):
        counts = own.groupby(["stratum", "resolved"]).size().rename("n").reset_index().astype({"n": float})
        made.append(GroupedCounts("current", name, "", "", counts, float(len(own))))
    return made


def test_rates_are_observed_over_expected_by_loops():
    rows = tickets(1)
    of_kind = {kind: own["resolved"].mean() for kind, own in rows.groupby("stratum")}
    made = {row["breakdown"]: row["value"] for row in agents.resolved(groups(rows), CONTEXT).rows}
    codes = agents.coded(list(NAMES), CONTEXT)
    for name, own in rows.groupby("agent"):
        expected = sum(of_kind[kind] for kind in own["stratum"])
        assert made[codes[name]] == pytest.approx(own["resolved"].sum() / expected * rows["resolved"].mean())


def test_who_has_hard_cases_is_not_blamed_for_them():
    """Gus and Hal have most hard tickets and are as good as all others."""
    inside = []
    for seed in range(60):
        points = [p for p in agents.resolved(groups(tickets(seed)), CONTEXT).points if p["breakdown"] == agents.AGENTS]
        rows = tickets(seed)
        kinds = standardise(*_cells(rows))
        of = funnel(kinds, rows["resolved"].mean())
        low, high = limits(of, of.sizes, 0.95)
        inside += [lo <= rate <= hi for rate, lo, hi in zip(of.rates, low, high, strict=True)]
        assert len(points) == len(NAMES)
    assert 0.92 <= np.mean(inside) <= 0.99


def _cells(rows: pd.DataFrame) -> tuple:
    cells = rows.groupby(["agent", "stratum"])["resolved"].agg(["size", "sum"]).reset_index()
    unit, stratum = (pd.factorize(cells[name])[0] for name in ("agent", "stratum"))
    return unit, stratum, cells["size"].to_numpy(float), cells["sum"].to_numpy(float)


def test_limits_are_wider_where_agents_differ_beyond_chance():
    alike, apart = (funnel(standardise(*_cells(tickets(3, between))), 0.6) for between in (0.0, 0.15))
    assert alike.dispersion < 2.5 < apart.dispersion
    reach = [np.diff(limits(of, np.array([200.0]), 0.95), axis=0).item() for of in (alike, apart)]
    assert reach[1] > 1.5 * reach[0]


def test_the_variance_between_agents_is_that_of_the_paper():
    """Spiegelhalter 2005, QSHC 14:347: tau^2 = (I phi - (I - 1)) / (sum w - sum w^2 / sum w), phi of winsorised z-scores, in plain loops."""
    kinds = standardise(*_cells(tickets(4, 0.12)))
    ratio = [o / e for o, e in zip(kinds.observed, kinds.expected, strict=True)]
    errors = [v**0.5 / e for v, e in zip(kinds.variance, kinds.expected, strict=True)]
    z = [(r - 1) / s for r, s in zip(ratio, errors, strict=True)]
    low, high = np.percentile(z, 10), np.percentile(z, 90)
    phi = sum(min(max(value, low), high) ** 2 for value in z) / len(z)
    w = [1 / s**2 for s in errors]
    tau = (len(z) * phi - (len(z) - 1)) / (sum(w) - sum(x**2 for x in w) / sum(w))
    assert funnel(kinds, 0.6).between == pytest.approx(tau)


def test_agents_are_coded_in_the_order_that_is_set():
    codes = agents.coded(list(NAMES), CONTEXT)
    assert [codes[name] for name in NAMES] == ["A7", "A8", "A9", "A1", "A2", "A3", "A4", "A5"]
    shown = repr(agents.resolved(groups(tickets(1)), CONTEXT))
    assert not any(name in shown for name in NAMES)


def test_agents_are_named_where_the_client_says_so():
    rows = agents.resolved(groups(tickets(1)), EstimationContext(0.95, {"name_agents": True})).rows
    assert [row["breakdown"] for row in rows] == list(NAMES)


def test_small_agents_have_no_point():
    rows = pd.concat([tickets(1), tickets(2).query("agent == 'Ana'").head(5).assign(agent="Zoe")])
    points = agents.resolved(groups(rows), replace(CONTEXT, suppress_below=10)).points
    assert {p["level"] for p in points if p["breakdown"] == agents.AGENTS} == set(
        agents.coded([*NAMES, "Zoe"], CONTEXT).values()
    ) - {agents.coded([*NAMES, "Zoe"], CONTEXT)["Zoe"]}


def answers(seed: int, agents_: int = 12) -> tuple[list[GroupedCounts], np.ndarray]:
    """Answers about agents whose true means scatter by 6 points; few of some, many of others."""
    rng = np.random.default_rng(seed)
    true, made = rng.normal(60, 6, agents_), []
    for place, mean in enumerate(true):
        own = pd.DataFrame({"points": rng.normal(mean, 20, 8 + 12 * place)}).assign(n=1.0)
        made.append(GroupedCounts("current", f"agent {place:02}", "", "", own, float(len(own))))
    return made, true


def test_shrunken_means_are_nearer_to_the_truth_and_their_intervals_hold_it():
    plain = moved = 0.0
    held = []
    named = EstimationContext(0.95, {"name_agents": True})
    for seed in range(150):
        made, true = answers(seed)
        rows = agents.satisfaction(made, named).rows
        plain += sum((group.counts["points"].mean() - mean) ** 2 for group, mean in zip(made, true, strict=True))
        moved += sum((row["value"] - mean) ** 2 for row, mean in zip(rows, true, strict=True))
        held += [row["low"] <= mean <= row["high"] for row, mean in zip(rows, true, strict=True)]
    assert moved < 0.85 * plain
    assert 0.925 <= np.mean(held) <= 0.975


def test_fewer_than_five_agents_are_not_shrunken():
    rows = agents.satisfaction(answers(1, 4)[0], CONTEXT).rows
    assert all("too_few_agents" in row["reason"] for row in rows)
    with pytest.raises(ValueError, match="4 units"):
        shrunken(np.arange(3.0), np.ones(3))


def rated(seed: int, customers: int = 200) -> pd.DataFrame:
    """Tickets of customers who are content or not; each doubling of the time costs 3 points, a first contact brings 8."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(customers), 3)
    first = (rng.random(len(who)) < 0.5).astype(float)
    x = rng.normal(0, 2, len(who)) - first
    y = 5 + 12 * rng.standard_normal(customers)[who] - 3 * x + 8 * first + 15 * rng.standard_normal(len(who))
    return pd.DataFrame({"fold": who, "x": x, "f": first, "y": y})


def counted(rows: pd.DataFrame) -> GroupedCounts:
    x, f, y = rows["x"], rows["f"], rows["y"]
    counts = rows.assign(xx=x * x, xf=x * f, xy=x * y, fy=f * y, n=1.0).groupby("fold", as_index=False).sum()
    return GroupedCounts("current", "", "", "", counts, float(counts["fold"].nunique()))


def test_effects_are_those_of_statsmodels_by_cluster():
    rows = rated(1)
    peer = sm.OLS(rows["y"], sm.add_constant(rows[["x", "f"]])).fit(
        cov_type="cluster", cov_kwds={"groups": rows["fold"]}, use_t=True
    )
    made = {row["breakdown"]: row for row in ticket_effects.effects([counted(rows)], CONTEXT).rows}
    low, high = peer.conf_int().loc[["x", "f"]].to_numpy().T
    for place, name in enumerate((ticket_effects.SPEED, ticket_effects.FIRST)):
        assert made[name]["value"] == pytest.approx(peer.params.iloc[place + 1])
        assert (made[name]["low"], made[name]["high"]) == pytest.approx((low[place], high[place]))


def test_effects_hold_the_truth_as_often_as_they_promise():
    held = []
    for seed in range(300):
        rows = {row["breakdown"]: row for row in ticket_effects.effects([counted(rated(seed, 80))], CONTEXT).rows}
        held += [
            rows[name]["low"] <= true <= rows[name]["high"]
            for name, true in ((ticket_effects.SPEED, -3), (ticket_effects.FIRST, 8))
        ]
    assert 0.925 <= np.mean(held) <= 0.975


def test_columns_that_depend_on_each_other_have_no_regression():
    columns = np.stack([np.ones(40), np.arange(40.0), 2 * np.arange(40.0)], axis=1)
    assert regression(np.einsum("ci,cj->cij", columns, columns), columns, 40.0) is None
    rows = rated(1).assign(f=1.0)
    (row,) = ticket_effects.effects([counted(rows)], CONTEXT).rows
    assert "rated_tickets_all_alike" in row["reason"]
