"""Costs: what a made-up client spends in a month on winning customers, on serving them and on programmes."""

from calendar import monthrange
from datetime import date

import numpy as np
import pandas as pd

from crmnb.demo.customers import Lives
from crmnb.demo.parameters import EDGES, YEARS, Rates

_CHANNELS = {"web": 0.5, "friends": 0.1, "shop": 0.25, "partner": 0.15}  # and the share of what winning costs
_SERVICE, _PROGRAMMES = 0.35, {"Club": 0.12, "Welcome back": 0.05}  # a month per customer at the year's start
_SCATTER = 0.1  # of the logarithm of a month's amount


def costs(lives: Lives, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """What was spent, by month and purpose.

    On winning customers, on average `cac` for each that is to be expected, however many come.
    """
    kinds = [("acquisition", channel, None) for channel in _CHANNELS] + [("service", None, None)]
    kinds += [("programme", None, name) for name in _PROGRAMMES]
    found = []
    for year, start in enumerate(lives.at_start):
        monthly = np.array([_SERVICE, *_PROGRAMMES.values()]) * start
        for month in range(1, 13):
            share = monthrange(YEARS[year], month)[1] / (EDGES[year + 1] - EDGES[year])
            winning = rates.cac[year] * rates.won[year] * start * share * np.array(list(_CHANNELS.values()))
            amounts = np.concatenate([winning, monthly])
            found += [(date(YEARS[year], month, 1), *kind, x) for kind, x in zip(kinds, amounts, strict=True)]
    frame = pd.DataFrame(found, columns=["month", "category", "acquisition_channel", "programme", "amount"])
    scatter = np.exp(_SCATTER * rng.standard_normal(len(frame)) - _SCATTER**2 / 2)
    return frame.assign(month=pd.to_datetime(frame["month"]), amount=np.round(frame["amount"] * scatter, 2))
