"""python -m benchmarks.speed.experiments_tea_tasting FILE TO: tea-tasting's part in the benchmark `experiments`, in the peers' environment.

From the Parquet file of the units, by Ibis on DuckDB, to a CSV file of the effects. It knows no segments: each is a table of its own.
"""

import sys

from benchmarks.peers.environment import stand_among


def main(file: str, to: str) -> None:
    """Work in the peers' environment."""
    stand_among("tea_tasting", "benchmarks.speed.experiments_tea_tasting", file, to)
    import ibis
    import pandas as pd
    import tea_tasting as tt

    test = tt.Experiment(
        bought=tt.Mean("bought"),
        visits=tt.Mean("visits"),
        spent=tt.Mean("spent"),
        spent_less_before=tt.Mean("spent", "before"),
        order_value=tt.RatioOfMeans("revenue", "orders"),
        variant="arm",
    )
    units = ibis.duckdb.connect().read_parquet(file)
    levels = sorted(units.select("segment").distinct().execute()["segment"])
    rows = []
    for level, own in [("", units), *((level, units.filter(units.segment == level)) for level in levels)]:
        for outcome, found in test.analyze(own, control="old").items():
            limits = {"low": found.effect_size_ci_lower, "high": found.effect_size_ci_upper}
            rows.append({"level": level, "outcome": outcome, "value": found.effect_size} | limits)
    pd.DataFrame(rows).to_csv(to, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
