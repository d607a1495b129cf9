"""Operations: what top sellers do, by a second route in plain pandas; what is missing has its reason; the newest activities are not followed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client

SEEN = (pd.Timestamp("2023-01-01").to_pydatetime(), pd.Timestamp("2026-01-01").to_pydatetime())
SELLERS = [f"S{number:02}" for number in range(24)]


def company() -> Client:
    privacy = {"min_base": 1, "suppress_below": 1}
    return Client(id="harbour", folder=Path(), name="Harbour", currency="GBP", sources={}, tables={}, privacy=privacy)


def sales_team(seed: int = 3) -> dict[str, pd.DataFrame]:
    """24 sellers over two years; the better ones win more and call more."""
    random = np.random.default_rng(seed)
    skill = np.linspace(0.2, 0.8, len(SELLERS))
    days = pd.date_range("2024-01-01", "2025-12-31", freq="D")
    leads, activities = [], []
    for seller, good in zip(SELLERS, skill, strict=True):
        created = random.choice(days[:-40], 60)
        won = random.random(60) < good
        decided = pd.to_datetime(created) + pd.to_timedelta(random.integers(1, 30, 60), "D")
        leads.append(pd.DataFrame({"seller": seller, "created_at": created, "decided": decided, "won": won}))
        for kind, times in (("call", 50 + 100 * good), ("visit", 30)):
            many = random.poisson(times)
            happened = random.choice(days, many)
            led_on = pd.to_datetime(happened) + pd.to_timedelta(random.integers(1, 60, many), "D")
            activities.append(
                pd.DataFrame({"seller": seller, "kind": kind, "happened_at": happened, "next_step_at": led_on})
            )
    all_leads, all_activities = pd.concat(leads, ignore_index=True), pd.concat(activities, ignore_index=True)
    all_leads["lead_id"] = all_leads.index.astype(str)
    all_leads["won_at"] = all_leads["decided"].where(all_leads["won"])
    all_leads["lost_at"] = all_leads["decided"].where(~all_leads["won"])
    all_activities["activity_id"] = all_activities.index.astype(str)
    return {"leads": all_leads.drop(columns=["decided", "won"]), "activities": all_activities}


def rows_of(id_: str, frames: dict[str, pd.DataFrame], period: str = "2025") -> pd.DataFrame:
    tables = in_memory(company(), frames)
    return measure(catalogue()[id_], tables, Period.parse(period).observe(*SEEN)).rows


def by_pandas(frames: dict[str, pd.DataFrame]) -> dict[str, tuple[float, float, float]]:
    leads, done = frames["leads"], frames["activities"]
    decided = leads["won_at"].fillna(leads["lost_at"])
    before = (
        leads[decided.dt.year == 2024].assign(won=lambda rows: rows["won_at"].notna()).groupby("seller")["won"].sum()
    )
    now = done[done["happened_at"].dt.year == 2025]
    days = (now["next_step_at"] - now["happened_at"]).dt.days
    followed = now[now["happened_at"] <= pd.Timestamp("2025-12-02")]
    practices = {kind: now[now["kind"] == kind].groupby("seller").size() for kind in ("call", "visit")}
    practices["next-step rate"] = (days[followed.index] <= 30).groupby(followed["seller"]).mean() * 100
    ended = leads[decided.dt.year == 2025]
    practices["win rate"] = ended["won_at"].notna().groupby(ended["seller"]).mean() * 100
    place = (before.rank() - 0.5) / len(before)
    found = {}
    for name, done_by in practices.items():
        top, middle = (
            done_by.reindex(place.index[place > 0.75]),
            done_by.reindex(place.index[place.between(0.25, 0.75)]),
        )
        welch = stats.ttest_ind(top, middle, equal_var=False).confidence_interval(0.95)
        found[name] = (top.mean() - middle.mean(), welch.low, welch.high)
    return found


def test_the_practices_of_top_sellers_by_plain_pandas():
    frames = sales_team()
    rows = rows_of("seller_gap", frames)
    whole = rows[(rows["segment"] == "") & (rows["part"] == "")].set_index("breakdown")
    for name, figures in by_pandas(frames).items():
        assert whole.loc[name, ["value", "low", "high"]].tolist() == pytest.approx(figures), name


def test_leads_without_sellers_have_a_reason():
    frames = sales_team()
    frames["leads"] = frames["leads"].drop(columns="seller")
    (reason,) = {*rows_of("seller_gap", frames)["reason"]}
    assert "leads.seller" in reason


def test_the_newest_activities_are_not_followed():
    frames = sales_team()
    rows = rows_of("next_step_rate", frames)
    calls = rows[(rows["breakdown"] == "call") & (rows["part"] == "") & (rows["segment"] == "")].iloc[0]
    done = frames["activities"]
    followed = done[(done["kind"] == "call") & done["happened_at"].between("2025-01-01", "2025-12-02")]
    assert calls["n"] == len(followed)
    led_on = (followed["next_step_at"] - followed["happened_at"]).dt.days <= 30
    assert calls["value"] == pytest.approx(100 * led_on.mean())


@pytest.mark.parametrize("met", [None, "sla_met"])
def test_targets_are_known_by_their_time_or_by_their_outcome(met):
    opened = pd.date_range("2025-02-01", periods=6, freq="30D")
    tickets = pd.DataFrame(
        {"ticket_id": list("abcdef"), "opened_at": opened, "resolved_at": opened + pd.Timedelta("2D")}
    )
    if met:
        tickets["sla_met"] = [True, True, False, None, True, False]
        expected = 3 / 5
    else:
        hours = pd.to_timedelta([49, 48, 47, 24, 72, 0], "h")
        tickets["sla_due_at"] = opened + hours
        expected = 3 / 6
    row = rows_of("sla_compliance_rate", {"tickets": tickets}).query("part == '' and segment == ''").iloc[0]
    assert row["value"] == pytest.approx(100 * expected)
