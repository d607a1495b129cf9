"""python -m benchmarks.speed.survival_lifelines FILE TO: lifelines' part in the benchmark `survival`, in the peers' environment.

The figures of `benchmarks.speed.survival`, in lifelines' own words: from a Parquet file of rows to a CSV file of what, segment, time, value.
"""

import sys
import time

from benchmarks.peers.environment import stand_among


def main(file: str, to: str) -> None:
    """Work in the peers' environment; in another, go there."""
    stand_among("lifelines", "benchmarks.speed.survival_lifelines", file, to)
    _figures(file).to_csv(to, index=False)


def _figures(file: str):
    import pandas as pd
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import multivariate_logrank_test
    from lifelines.utils import median_survival_times

    began = time.perf_counter()
    rows = pd.read_parquet(file)
    tables, rest = [], []
    for segment, of in rows.groupby("segment"):
        fitter = KaplanMeierFitter().fit(of["days"], of["lost"], label="survival")
        limits = fitter.confidence_interval_.set_axis(["low", "high"], axis=1)
        table = fitter.survival_function_.join(limits).join(fitter.event_table[["at_risk", "observed"]])
        low, high = median_survival_times(limits).iloc[0]
        tables.append((segment, table))
        rest += [(f"median {end}", segment, 0, value) for end, value in _ends(fitter.median_survival_time_, low, high)]
    test = multivariate_logrank_test(rows["days"], rows["segment"], rows["lost"])
    seconds = time.perf_counter() - began
    rest += [("chi2", "", 0, test.test_statistic), ("p_value", "", 0, test.p_value), ("work_seconds", "", 0, seconds)]
    names = ["what", "segment", "time", "value"]
    return pd.concat([*(_long(*told) for told in tables), pd.DataFrame(rest, columns=names)])[names]


def _ends(value: float, low: float, high: float) -> list[tuple[str, float]]:
    return [("value", value), ("low", low), ("high", high)]


def _long(segment: str, table):
    """The times at which somebody left, as the suite tells them."""
    events = table[table["observed"] > 0].rename(columns={"observed": "events"}).rename_axis("time").reset_index()
    return events.melt("time", var_name="what").assign(segment=segment)


if __name__ == "__main__":
    main(*sys.argv[1:])
