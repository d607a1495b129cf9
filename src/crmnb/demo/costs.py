"""Costs: the monthly spending of the simulated client on acquisition, service and programmes."""

from calendar import monthrange
from datetime import date

import numpy as np
import pandas as pd

from crmnb.demo.customers import CustomerBase
from crmnb.demo.parameters import EDGES, YEARS, Rates

_CHANNELS = {"web": 0.5, "friends": 0.1, "shop": 0.25, "partner": 0.15}  # and the share of the acquisition costs
_SERVICE, _PROGRAMMES = 0.35, {"Club": 0.12, "Welcome back": 0.05}  # per month and customer at the start of the year
_SCATTER = 0.1  # standard deviation of the logarithm of a month's amount


def simulate_costs(base: CustomerBase, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """The spending by month and purpose. The expected acquisition cost per expected new customer is `cac`."""
    kinds = [("acquisition", channel, None) for channel in _CHANNELS] + [("service", None, None)]
    kinds += [("programme", None, name) for name in _PROGRAMMES]
    rows = []
    for year, start in enumerate(base.at_start):
        monthly = np.array([_SERVICE, *_PROGRAMMES.values()]) * start
        for month in range(1, 13):
            share = monthrange(YEARS[year], month)[1] / (EDGES[year + 1] - EDGES[year])
            winning = rates.cac[year] * rates.won[year] * start * share * np.array(list(_CHANNELS.values()))
            amounts = np.concatenate([winning, monthly])
            rows += [(date(YEARS[year], month, 1), *kind, x) for kind, x in zip(kinds, amounts, strict=True)]
    frame = pd.DataFrame(rows, columns=["month", "category", "acquisition_channel", "programme", "amount"])
    scatter = np.exp(_SCATTER * rng.standard_normal(len(frame)) - _SCATTER**2 / 2)
    return frame.assign(month=pd.to_datetime(frame["month"]), amount=np.round(frame["amount"] * scatter, 2))
