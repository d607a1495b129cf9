"""Exports of the sales team's diary and of the log of processes."""

import numpy as np
import pandas as pd

from crmnb.demo.corruption import CorruptedRows, Defect, corrupt_rows, format_times, write_missing_codes

_ISO = "%Y-%m-%d %H:%M:%S"
_KINDS = {"letter": "mailing", "seminar": "workshop"}  # the diary's own words


def export_activities(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The diary: what sellers did, in words of their own."""
    good = pd.DataFrame(
        {
            "entry": clean["activity_id"],
            "who": clean["seller"],
            "customer": write_missing_codes(clean["customer_id"], 0.5, ["-"], rng),
            "what": clean["kind"].replace(_KINDS),
            "when": format_times(clean["happened_at"], _ISO),
            "led on": format_times(clean["next_step_at"], _ISO),
        }
    )
    defects = [
        Defect("duplicate activity_id", 0.001),
        Defect("kind is empty", 0.001, lambda rows: {"what": None}),
        Defect("seller is empty", 0.001, lambda rows: {"who": None}),
    ]
    return corrupt_rows(good, "entry", defects, rng)


def export_process_runs(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The log of processes."""
    good = pd.DataFrame(
        {
            "run": clean["run_id"],
            "process": clean["process"],
            "started": format_times(clean["started_at"], _ISO),
            "ended": format_times(clean["ended_at"], _ISO),
            "by itself": clean["automated"].map({True: "yes", False: "no"}),
            "exception": clean["exception"],
        }
    )
    defects = [
        Defect("duplicate run_id", 0.0005),
        Defect("automated is empty", 0.0005, lambda rows: {"by itself": None}),
    ]
    return corrupt_rows(good, "run", defects, rng)
