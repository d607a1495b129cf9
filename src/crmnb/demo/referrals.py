"""Referrals: which customers of the simulated client were recommended by another."""

import numpy as np
import pandas as pd

FRIENDS = 0.25 * 0.97  # of customers: those who name friends as the way they came (3% name none)
REFERRED = 0.6  # of these, the share whose friend is a customer and known


def with_referrals(customers: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The customers with `referred_by`: somebody who joined before, any of them alike.

    The random numbers are their own, so that those of all other tables are the same without them.
    """
    rng = np.random.default_rng([seed, 11])
    referred = (customers["acquisition_channel"] == "friends").to_numpy() & (rng.random(len(customers)) < REFERRED)
    before = customers["joined_at"].rank(method="min").to_numpy(int) - 1  # how many joined earlier
    earlier = customers["customer_id"].to_numpy(object)[np.argsort(customers["joined_at"].to_numpy(), kind="stable")]
    friend = earlier[(rng.random(len(customers)) * before).astype(int)]
    return customers.assign(referred_by=np.where(referred & (before > 0), friend, None))


def true_referrals(new_customers: float) -> float:
    """How many of so many new customers are referred, on average."""
    return new_customers * FRIENDS * REFERRED
