"""Exports of the employee survey: the sheets as the survey tool gives them, and the list of teams of the personnel department."""

import numpy as np
import pandas as pd

from crmnb.demo.corruption import CorruptedRows, Defect, corrupt_rows, format_times, write_missing_codes
from crmnb.demo.employees import SHARES


def export_employee_responses(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The answer sheets, without names: what was not answered is empty, or says so."""
    answers = {name: write_missing_codes(clean[name].astype("Int64"), 0.5, ["-"], rng) for name in SHARES}
    good = pd.DataFrame(
        {
            "sheet": clean["response_id"],
            "answered": format_times(clean["responded_at"], "%Y-%m-%d %H:%M:%S"),
            "team": clean["team"],
            **answers,
        }
    ).astype(object)
    good = good.where(good.notna(), None)
    defects = [
        Defect("duplicate response_id", 0.004),
        Defect("team is empty", 0.002, lambda rows: {"team": None}),
        Defect("enps is above 10", 0.003, lambda rows: {"enps": 11}),
        Defect("work_satisfied is below 1", 0.002, lambda rows: {"work_satisfied": 0}),
    ]
    return corrupt_rows(good, "sheet", defects, rng)


def export_teams(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The list of teams."""
    return corrupt_rows(
        clean.rename(columns={"team": "Team", "headcount": "People", "trained": "Trained"}), "Team", [], rng
    )
