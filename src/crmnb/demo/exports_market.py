"""Exports of market research: a panel of sales, a survey of brands, and a pool of figures that peers exchange."""

import numpy as np
import pandas as pd

from crmnb.demo.corruption import CorruptedRows, Defect, corrupt_rows, format_times, write_missing_codes
from crmnb.demo.market import ITEMS

_YES = {True: "yes", False: "no"}


def export_market(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The panel's table of sales."""
    good = pd.DataFrame(
        {
            "Month": format_times(clean["month"], "%Y-%m"),
            "Shop": clean["competitor"],
            "Range": clean["segment"],
            "Sales": clean["value"],
            "Pieces": clean["units"],
        }
    ).astype(object)
    defects = [
        Defect("duplicate month and competitor and segment", 0.004),
        Defect("competitor is empty", 0.004, lambda rows: {"Shop": None}),
    ]
    return corrupt_rows(good, None, defects, rng)


def export_brand_survey(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The institute's answers, a row for each respondent and brand; a brand that a respondent does not know is not judged."""
    answers = {item: write_missing_codes(clean[item].astype("Int64"), 0.5, ["-"], rng) for item in ITEMS}
    good = pd.DataFrame(
        {
            "person": clean["respondent_id"],
            "wave": clean["wave"],
            "asked": format_times(clean["asked_at"], "%Y-%m-%d %H:%M:%S"),
            "brand": clean["brand"],
            "knows": clean["aware"].map(_YES),
            "would buy": clean["considers"].map(_YES),
            "first choice": clean["prefers"].map(_YES),
            "buys": clean["uses"].map(_YES),
            **answers,
            "fair price": clean["fair_price"],
        }
    ).astype(object)
    good = good.where(good.notna(), None)
    defects = [
        Defect("duplicate respondent_id and wave and brand", 0.001),
        Defect("aware is empty", 0.001, lambda rows: {"knows": None}),
        Defect("brand_value is above 5", 0.001, lambda rows: {"brand_value": 9}),
    ]
    return corrupt_rows(good, "person", defects, rng)


def export_benchmarks(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The pool's table of peers, who are numbered."""
    good = clean.astype(object).where(clean.notna(), None)
    return corrupt_rows(good, None, [], rng)
