"""Engagement of the simulated client: e-mails, social media, loyalty programme and app, and what is true of them and of the web site."""

import numpy as np
import pandas as pd

from crmnb.demo.customers import CustomerBase
from crmnb.demo.emails import simulate_sends, true_emails
from crmnb.demo.loyalty import simulate_loyalty, simulate_usage, true_loyalty
from crmnb.demo.parameters import Rates
from crmnb.demo.social import simulate_mentions, simulate_posts, true_social
from crmnb.demo.visits import true_sessions


def engagement_of(base: CustomerBase, seed: int) -> dict[str, pd.DataFrame]:
    """The tables by name. Their random numbers are their own, so that those of all other tables are the same without them."""
    sends, posts, mentions, loyalty, usage = np.random.default_rng([seed, 15]).spawn(5)
    return {
        "sends": simulate_sends(base, sends),
        "social_posts": simulate_posts(posts),
        "social_mentions": simulate_mentions(mentions),
        "loyalty": simulate_loyalty(base, loyalty),
        "usage": simulate_usage(base, usage),
    }


def true_engagement(rates: Rates, base: CustomerBase, year: int) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value in a year, in the metric's unit, given so many lives."""
    return true_emails(year) | true_sessions(rates) | true_social() | true_loyalty(base, year)
