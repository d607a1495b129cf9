"""The simulated client's market: sales of competitors, a survey of brands, and figures of peers, with what is true of them.

Sales are not drawn: they follow from the sizes of segments, shares and seasons below, so that what is true of them is known to the cent. The own share
grows, because kitchens are in fashion and the own brand wins in them, while it loses in furniture and garden. In the brand survey each stage, answer and price
has a known probability or mean by brand; what a respondent says of several brands is correlated, which leaves these as they are.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import ndtr

from crmnb.demo.columns import make_keys, to_times
from crmnb.demo.parameters import EDGES, YEARS

Figures = dict[tuple[str, str], float]

OWN, REST = "Fairmile", "other shops"
_RIVALS = {"Homestead": 0.45, "Larkfield": 0.20, "Brightwell": 0.12, REST: 0.23}  # shares of what the own brand leaves
_PRICES = {OWN: 55.0, "Homestead": 45.0, "Larkfield": 50.0, "Brightwell": 40.0, REST: 38.0}  # of a unit
# By segment and year: the size of the market, and the own share in it.
_SIZES = {"furniture": (9.0e6, 9.2e6, 9.3e6), "kitchen": (4.0e6, 4.6e6, 5.4e6), "garden": (3.0e6, 2.9e6, 2.7e6)}
_SHARES = {"furniture": (0.13, 0.13, 0.125), "kitchen": (0.22, 0.225, 0.25), "garden": (0.15, 0.14, 0.13)}
_SEASON, _OWN_SEASON = 0.15, 0.04  # how far a month is from the mean: of the market, and of the own share

BRANDS = (OWN, "Homestead", "Larkfield", "Quayside")
STAGES = ("aware", "consider", "prefer", "use")
# By brand: aware, and of those who come to a stage, who come to the next; the first by year.
_AWARE = {OWN: (0.58, 0.60, 0.66), "Homestead": (0.82,) * 3, "Larkfield": (0.55,) * 3, "Quayside": (0.34,) * 3}
_STEPS = {
    OWN: (0.62, 0.46, 0.72),
    "Homestead": (0.52, 0.40, 0.75),
    "Larkfield": (0.50, 0.40, 0.70),
    "Quayside": (0.60, 0.45, 0.60),
}
_USES_ANYWAY = 0.06  # of those who consider a brand and prefer another
# By pillar: its items, and by brand the mean from 0 to 1.
PILLARS = {
    "Quality": (("brand_quality", "brand_design"), {OWN: 0.71, "Homestead": 0.62, "Larkfield": 0.68, "Quayside": 0.60}),
    "Trust": (("brand_trust", "brand_service"), {OWN: 0.64, "Homestead": 0.66, "Larkfield": 0.60, "Quayside": 0.57}),
    "Value": (("brand_value",), {OWN: 0.55, "Homestead": 0.70, "Larkfield": 0.58, "Quayside": 0.61}),
}
ITEMS = tuple(item for items, _ in PILLARS.values() for item in items)
_FAIR = {OWN: 58.0, "Homestead": 51.0, "Larkfield": 55.0, "Quayside": 49.0}  # mean fair price of the same chair
_PRICE_SPREAD = 0.25  # standard deviation of the logarithm of a respondent's prices
_RESPONDENTS, _ASKED_AGAIN = 450, 0.2  # of a quarter; share who were asked in the quarter before, too
_COMMON = 0.6  # correlation of what a respondent says of two brands, on the normal scale

PEERS = tuple(f"peer {number}" for number in range(1, 9))
_PLACES = np.array([-1.5, -1.0, -0.6, -0.2, 0.2, 0.6, 1.0, 1.5])  # of the peers, in spreads from the middle
_WITH_N = 2  # peers who say how many units their shares are of
# By metric and breakdown: the metric's title, the middle of the peers' figures and their spread.
BENCHMARKS: dict[tuple[str, str], tuple[str, float, float]] = {
    ("retention_rate", ""): ("Retention rate", 78.5, 3.0),
    ("repeat_purchase_rate", ""): ("Repeat purchase rate", 60.0, 4.0),
    ("average_order_value", ""): ("Average order value", 57.0, 5.0),
    ("customer_acquisition_cost", ""): ("Customer acquisition cost (CAC)", 29.0, 4.0),
    ("csat", "purchase"): ("Customer satisfaction (CSAT)", 77.0, 4.0),
    ("nps", "purchase"): ("Net promoter score (NPS)", 31.0, 8.0),
    ("ces", "purchase"): ("Customer effort score (CES)", 2.9, 0.3),
    ("response_rate", "purchase"): ("Response rate", 22.0, 4.0),
    ("win_rate", ""): ("Win rate", 41.0, 5.0),
    ("session_conversion_rate", ""): ("Session conversion rate", 5.1, 1.0),
    ("median_resolution_time", ""): ("Median resolution time", 13.0, 4.0),
    ("reopen_rate", ""): ("Reopen rate", 8.0, 2.0),
    ("employee_nps", ""): ("Employee net promoter score (eNPS)", 12.0, 9.0),
    ("brand_equity_index", OWN): ("Brand equity index", 61.0, 4.0),
}
_SHARES_OF_UNITS = {
    "retention_rate",
    "repeat_purchase_rate",
    "csat",
    "response_rate",
    "win_rate",
    "session_conversion_rate",
    "reopen_rate",
}
_LOWER_IS_BETTER = {"customer_acquisition_cost", "ces", "median_resolution_time", "reopen_rate"}


def market_of(seed: int) -> dict[str, pd.DataFrame]:
    """The tables `market`, `brand_survey` and `benchmarks`; the random numbers are their own, so that those of all other tables are the same without them."""
    return {
        "market": sales(),
        "brand_survey": _survey(np.random.default_rng([seed, 15])),
        "benchmarks": benchmarks(),
    }


def sales() -> pd.DataFrame:
    """Sales of every competitor in every month and segment."""
    rows = []
    for at, year in enumerate(YEARS):
        for month in range(1, 13):
            wave = np.sin(2 * np.pi * month / 12)
            for segment, sizes in _SIZES.items():
                size = sizes[at] / 12 * (1 + _SEASON * wave)
                share = _SHARES[segment][at] * (1 - _OWN_SEASON * wave)
                amounts = {OWN: share * size} | {name: part * (1 - share) * size for name, part in _RIVALS.items()}
                for name, amount in amounts.items():
                    rows.append(
                        (pd.Timestamp(year, month, 1), name, segment, round(amount, 2), round(amount / _PRICES[name]))
                    )
    return pd.DataFrame(rows, columns=["month", "competitor", "segment", "value", "units"])


def benchmarks() -> pd.DataFrame:
    """A figure of each peer in each year."""
    rows = []
    for (metric, breakdown), (_, middle, spread) in BENCHMARKS.items():
        for place, peer in enumerate(PEERS):
            n = 350.0 + 50 * place if metric in _SHARES_OF_UNITS and place < _WITH_N else np.nan
            value = round(middle + spread * float(_PLACES[place]), 2)
            rows += [(metric, breakdown or None, peer, str(year), value, n) for year in YEARS]
    return pd.DataFrame(rows, columns=["metric", "breakdown", "peer", "period", "value", "n"])


# ---- The survey of brands --------------------------------------------------------------------------------------------


def _survey(rng: np.random.Generator) -> pd.DataFrame:
    """Four waves a year; every respondent is asked about every brand, and who is aware of it judges it."""
    parts, respondents, before = [], 0, np.array([], object)
    for year, (first, last) in enumerate(pairwise(EDGES)):
        for quarter in range(4):
            again = rng.choice(before, round(_ASKED_AGAIN * len(before)), replace=False)
            fresh = make_keys("B-", _RESPONDENTS - len(again), 5, respondents + 1)
            respondents += len(fresh)
            before = np.concatenate([again, fresh])
            day = first + (last - first) * (quarter + rng.uniform(0.4, 0.6, len(before))) / 4
            parts.append(_wave(f"{YEARS[year]}-{quarter + 1}", year, before, day, rng))
    return pd.concat(parts, ignore_index=True)


def _wave(wave: str, year: int, who: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    shared = rng.standard_normal(
        (4, len(who))
    )  # of stages 1 to 3 and of answers: what a respondent brings to every brand

    def uniform(kind: int) -> np.ndarray:
        return ndtr(np.sqrt(_COMMON) * shared[kind] + np.sqrt(1 - _COMMON) * rng.standard_normal(len(who)))

    budget = rng.lognormal(-(_PRICE_SPREAD**2) / 2, _PRICE_SPREAD, len(who))
    parts = []
    for brand in BRANDS:
        aware = uniform(0) < _AWARE[brand][year]
        considers = aware & (uniform(1) < _STEPS[brand][0])
        prefers = considers & (uniform(2) < _STEPS[brand][1])
        uses = np.where(
            prefers, rng.random(len(who)) < _STEPS[brand][2], considers & (rng.random(len(who)) < _USES_ANYWAY)
        )
        answers = {
            item: np.where(aware, _answers(means[brand], uniform(3)), np.nan)
            for items, means in PILLARS.values()
            for item in items
        }
        price = _FAIR[brand] * budget * rng.uniform(0.85, 1.15, len(who))
        own = {
            "aware": aware,
            "considers": considers,
            "prefers": prefers,
            "uses": uses,
            **answers,
            "fair_price": price.round(2),
        }
        parts.append(
            pd.DataFrame({"respondent_id": who, "wave": wave, "asked_at": to_times(day), "brand": brand, **own})
        )
    return pd.concat(parts).sort_values(["asked_at", "respondent_id"], kind="stable")


def _answers(mean: float, uniform: np.ndarray) -> np.ndarray:
    """Answers from 1 to 5 as of four tosses, whose mean is 1 + 4 mean."""
    shares = [(1 - mean) ** 4, 4 * mean * (1 - mean) ** 3, 6 * mean**2 * (1 - mean) ** 2, 4 * mean**3 * (1 - mean)]
    return 1.0 + np.searchsorted(np.cumsum(shares), uniform)


# ---- What is true ----------------------------------------------------------------------------------------------------


def true_figures(year: int, others: Figures) -> Figures:
    """(metric, breakdown) -> the true value in a year. others: the true figures of other metrics, for the position among peers."""
    figures = _true_sales(year) | _true_brands(YEARS.index(year))
    return figures | _true_positions(others | figures)


def _true_sales(year: int) -> Figures:
    every = sales()
    rows = every[every["month"].dt.year == year]
    figures: Figures = {}
    for column, basis in (("value", "by value"), ("units", "by units")):
        of = rows.groupby("competitor")[column].sum() / rows[column].sum()
        figures["market_share", basis] = 100 * of[OWN]
        figures["relative_market_share", basis] = of[OWN] / of.drop([OWN, REST]).max()
        figures["market_concentration", basis] = 1e4 * (of.drop(REST) ** 2).sum()
        figures["market_concentration", f"{basis}, rest as one competitor"] = 1e4 * (of**2).sum()
    if year > YEARS[0]:
        before = every[every["month"].dt.year == year - 1]
        old, new = (100 * of.loc[of["competitor"] == OWN, "value"].sum() / of["value"].sum() for of in (before, rows))
        figures |= {("share_shift", "comparison"): old, ("share_shift", "current"): new}
    return figures


def _true_brands(at: int) -> Figures:
    figures: Figures = {}
    reached: dict[str, list[float]] = {}
    for brand in BRANDS:
        reached[brand] = list(100 * np.cumprod([_AWARE[brand][at], *_STEPS[brand]]))
        figures |= {
            ("brand_funnel", f"{brand}, {stage}"): share for stage, share in zip(STAGES, reached[brand], strict=True)
        }
        steps = zip(pairwise(STAGES), _STEPS[brand], strict=True)
        figures |= {("brand_step_rate", f"{brand}, {first} to {last}"): 100 * rate for (first, last), rate in steps}
        means = {pillar: 100 * of[brand] for pillar, (_, of) in PILLARS.items()}
        figures |= {("brand_pillars", f"{brand}, {pillar}"): mean for pillar, mean in means.items()}
        figures["brand_equity_index", brand] = float(np.mean(list(means.values())))
    for rival in BRANDS[1:]:
        gaps = zip(STAGES, reached[OWN], reached[rival], strict=True)
        figures |= {("brand_gap", f"{stage}: against {rival}"): own - other for stage, own, other in gaps}
        figures["price_premium", f"against {rival}"] = 100 * (_FAIR[OWN] / _FAIR[rival] - 1)
    figures["price_premium", ""] = 100 * (_FAIR[OWN] / np.mean([_FAIR[rival] for rival in BRANDS[1:]]) - 1)
    return figures


def _true_positions(figures: Figures) -> Figures:
    """The percentile of the true figure among the peers, by (benchmark_position, metric and breakdown); ties do not occur."""
    positions: Figures = {}
    for (metric, breakdown), (title, middle, spread) in BENCHMARKS.items():
        if (metric, breakdown) not in figures:
            continue
        sign = -1 if metric in _LOWER_IS_BETTER else 1
        values = (middle + spread * _PLACES).round(2)
        name = f"{title}, {breakdown}" if breakdown else title
        positions["benchmark_position", name] = 100 * float((sign * values < sign * figures[metric, breakdown]).mean())
    return positions
