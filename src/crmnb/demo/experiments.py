"""Experiments of the simulated client: a welcome letter with a known effect, and two layouts of the shop, of which one does nothing.

All of it has random numbers of its own, so that everything else stays the same. Of the letter it is known what a customer spent before; the layouts are
looked at while the experiment runs, and their outcome is a ratio: revenue per order of a visitor.
"""

import numpy as np
import pandas as pd

LETTER, LAYOUT = "Welcome letter", "Shop layout"
LETTERS, VISITORS = 4000, 9000  # units
SHARES = {"old": 0.5, "wide": 0.25, "short": 0.25}  # of the layouts
REORDERS, MORE_REORDERS = 0.22, 0.05  # share without the letter, and what it adds
SPENT, MORE_SPENT = 60.0, 4.0  # mean without the letter, and what it adds
BUYS, MORE_BUYS = 0.10, {"old": 0.0, "wide": 0.0, "short": 0.03}
VALUE, MORE_VALUE = 40.0, {"old": 0.0, "wide": 0.0, "short": 5.0}  # of an order
_LETTER_DAY, _LAYOUT_DAY, _LAYOUT_DAYS = np.datetime64("2025-03-03T10:00:00"), np.datetime64("2025-09-01T00:00:00"), 28
_SHAPE = 2.0  # of the gamma that customers' spending follows


def simulate_experiments(seed: int) -> pd.DataFrame:
    """The units of both experiments; columns that only one of them has are empty in the other."""
    random = np.random.default_rng([seed, 21])
    rows = pd.concat([_letters(random), _visitors(random)], ignore_index=True)
    return rows.assign(assigned_at=pd.to_datetime(rows["assigned_at"]).astype("datetime64[s]"))


def _letters(random: np.random.Generator) -> pd.DataFrame:
    has_letter = random.random(LETTERS) < 0.5
    like = random.gamma(_SHAPE, 1 / _SHAPE, LETTERS)  # what a customer is like, before as after
    spent = SPENT * like * random.lognormal(-0.125, 0.5, LETTERS) + MORE_SPENT * has_letter
    return pd.DataFrame(
        {
            "experiment": LETTER,
            "unit_id": [f"W{number:05}" for number in range(1, LETTERS + 1)],
            "arm": np.where(has_letter, "letter", "no letter"),
            "assigned_at": _LETTER_DAY,
            "reordered": random.random(LETTERS) < REORDERS + MORE_REORDERS * has_letter,
            "spent": spent.round(2),
            "spent_before": (SPENT * like * random.lognormal(-0.125, 0.5, LETTERS)).round(2),
        }
    )


def _visitors(random: np.random.Generator) -> pd.DataFrame:
    arm = random.choice(list(SHARES), VISITORS, p=list(SHARES.values()))
    orders = random.poisson(BUYS + pd.Series(MORE_BUYS)[arm].to_numpy())
    value = VALUE + pd.Series(MORE_VALUE)[arm].to_numpy()
    amount = np.array([random.gamma(4.0 * n, mean / 4.0) if n else 0.0 for n, mean in zip(orders, value, strict=True)])
    minutes = np.sort(random.integers(0, _LAYOUT_DAYS * 24 * 60, VISITORS))
    return pd.DataFrame(
        {
            "experiment": LAYOUT,
            "unit_id": [f"V{number:05}" for number in range(1, VISITORS + 1)],
            "arm": arm,
            "assigned_at": _LAYOUT_DAY + minutes.astype("timedelta64[m]"),
            "orders": orders,
            "revenue": amount.round(2),
        }
    )


def true_experiments() -> dict[str, dict[str, float]]:
    """metric -> breakdown -> the value if there were no chance."""
    arms = {
        f"{LETTER}: reordered, no letter": 100 * REORDERS,
        f"{LETTER}: reordered, letter": 100 * (REORDERS + MORE_REORDERS),
        f"{LETTER}: spent, no letter": SPENT,
        f"{LETTER}: spent, letter": SPENT + MORE_SPENT,
    }
    arms |= {f"{LAYOUT}: orders, {arm}": BUYS + more for arm, more in MORE_BUYS.items()}
    arms |= {f"{LAYOUT}: order value, {arm}": VALUE + more for arm, more in MORE_VALUE.items()}
    effects = {f"{LETTER}: reordered": 100 * MORE_REORDERS, f"{LETTER}: spent": MORE_SPENT}
    relative = {f"{LETTER}: reordered": 100 * MORE_REORDERS / REORDERS, f"{LETTER}: spent": 100 * MORE_SPENT / SPENT}
    for outcome, base, added in (("orders", BUYS, MORE_BUYS), ("order value", VALUE, MORE_VALUE)):
        for arm in ("wide", "short"):
            effects[f"{LAYOUT}: {outcome}, {arm}"] = added[arm]
            relative[f"{LAYOUT}: {outcome}, {arm}"] = 100 * added[arm] / base
    ratio = {f"{LETTER}: no letter": 50.0, f"{LETTER}: letter": 50.0}
    ratio |= {f"{LAYOUT}: {arm}": 100 * share for arm, share in SHARES.items()}
    return {"sample_ratio": ratio, "arm_outcome": arms, "experiment_effect": effects, "relative_effect": relative}
