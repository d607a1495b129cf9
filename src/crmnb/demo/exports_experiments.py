"""Export of the list of units in experiments."""

import numpy as np
import pandas as pd

from crmnb.demo.corruption import CorruptedRows, Defect, corrupt_rows, format_times

_ISO = "%Y-%m-%d %H:%M:%S"


def export_experiment_units(clean: pd.DataFrame, seed: int) -> CorruptedRows:
    """The list that the testing tool keeps, typed."""
    reordered = clean["reordered"].map({True: "yes", False: "no"})
    good = pd.DataFrame(
        {
            "test": clean["experiment"],
            "unit": clean["unit_id"],
            "group": clean["arm"],
            "entered": format_times(clean["assigned_at"], _ISO),
            "ordered again": reordered,
            **{name: clean[name] for name in ("spent", "spent_before", "revenue")},
            "orders": clean["orders"].astype("Int64"),
        }
    ).astype(object)
    good = good.where(good.notna(), None)
    defects = [
        Defect("duplicate experiment and unit_id", 0.0005),
        Defect("arm is empty", 0.0005, lambda rows: {"group": None}),
    ]
    return corrupt_rows(good, "unit", defects, np.random.default_rng([seed, 22]))
