"""Social media of the simulated client: its posts, and what others say of it."""

import numpy as np
import pandas as pd

from crmnb.demo.columns import make_keys, to_times
from crmnb.demo.parameters import DAYS

# By platform: posts in a week, people whom the middling post reaches, share of them who respond, and followers at first and at last.
PLATFORMS = {"Instagram": (2.5, 2400.0, 0.042, (9_000, 16_000)), "LinkedIn": (1.2, 1500.0, 0.021, (3_000, 5_500))}
_REACH_SPREAD, _POST_SHAPE = 0.6, 4.0  # of the logarithm of the reach; of the gamma of how far a post moves people
_SHOWN = 1.4  # impressions for each of the people reached
_RESPONSES = {"likes": 0.8, "comments": 0.08, "shares": 0.07, "saves": 0.05}
MENTIONS = 4.0  # in a day
_DAILY_SHAPE = 3.0  # of the gamma of how much is said on a day
SENTIMENTS = {1: 0.42, 0: 0.38, -1: 0.20}
_TEXTS = {
    1: ("Really happy with Fairmile Home.", "Great service by @fairmile!", "Best plan I ever had."),
    0: ("Does @fairmile open on Sundays?", "Moved to Fairmile Home last week.", "Fairmile Home has a new shop."),
    -1: ("Still waiting for @fairmile ...", "Bill wrong again, thanks Fairmile.", "Disappointed by Fairmile Home."),
}


def simulate_posts(rng: np.random.Generator) -> pd.DataFrame:
    """The client's own posts."""
    parts = []
    for platform, (per_week, reached, share, (first, last)) in PLATFORMS.items():
        day = np.sort(rng.uniform(0, DAYS, rng.poisson(per_week * DAYS / 7)))
        reach = np.round(reached * np.exp(_REACH_SPREAD * rng.standard_normal(len(day)))).astype(int)
        moves = rng.gamma(_POST_SHAPE, 1 / _POST_SHAPE, len(day))
        responses = rng.multinomial(rng.poisson(reach * share * moves), list(_RESPONSES.values()))
        own = {"day": day, "platform": platform, "reach": reach, "impressions": np.round(_SHOWN * reach).astype(int)}
        own["followers"] = np.round(first + (last - first) * day / DAYS).astype(int)
        parts.append(pd.DataFrame(own | dict(zip(_RESPONSES, responses.T, strict=True))))
    rows = pd.concat(parts).sort_values("day", kind="stable", ignore_index=True)
    rows.insert(0, "posted_at", to_times(rows.pop("day").to_numpy()))
    rows.insert(0, "post_id", make_keys("P", len(rows), 5))
    return rows


def simulate_mentions(rng: np.random.Generator) -> pd.DataFrame:
    """What others say, with the scores of the monitoring tool."""
    per_day = rng.poisson(MENTIONS * rng.gamma(_DAILY_SHAPE, 1 / _DAILY_SHAPE, DAYS))
    day = np.sort(np.repeat(np.arange(DAYS), per_day) + rng.random(per_day.sum()))
    rows = len(day)
    sentiment = rng.choice(list(SENTIMENTS), rows, p=list(SENTIMENTS.values()))
    texts = np.array([_TEXTS[value] for value in (-1, 0, 1)], dtype=object)
    return pd.DataFrame(
        {
            "mention_id": make_keys("N", rows, 6),
            "platform": rng.choice(list(PLATFORMS), rows, p=[0.7, 0.3]),
            "posted_at": to_times(day),
            "text": texts[sentiment + 1, rng.integers(0, 3, rows)],
            "sentiment": np.round(sentiment * rng.uniform(0.2, 0.9, rows), 2),
        }
    )


def true_social() -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value, the same in every year."""
    figures = {("social_engagement_rate", name): 100 * share for name, (_, _, share, _) in PLATFORMS.items()}
    return figures | {("mention_sentiment", ""): 100 * (SENTIMENTS[1] - SENTIMENTS[-1])}
