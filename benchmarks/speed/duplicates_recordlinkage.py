"""python -m benchmarks.speed.duplicates_recordlinkage FILE TO: recordlinkage's part in the benchmark `duplicates`, in the peers' environment.

The same fields, blocks and threshold, on names and streets that are normalised already: from a Parquet file to a CSV file of what, value.
"""

import sys
import time

from benchmarks.peers.environment import stand_among

_SIMILARITY = 0.95


def main(file: str, to: str) -> None:
    """Work in the peers' environment; in another, go there."""
    stand_among("recordlinkage", "benchmarks.speed.duplicates_recordlinkage", file, to)
    _figures(file).to_csv(to, index=False)


def _figures(file: str):
    import pandas as pd
    import recordlinkage

    began = time.perf_counter()
    rows = pd.read_parquet(file)
    rows["start"] = rows["plain_name"].str[:4] + "/" + rows["plain_street"].str[:6]
    index = recordlinkage.Index()
    for column in ("born", "plain_street", "start"):
        index.block(column)
    candidates = index.index(rows)
    compare = recordlinkage.Compare()
    for column in ("plain_name", "plain_street", "born"):
        compare.string(column, column, method="jarowinkler", missing_value=float("nan"), label=column)
    mean = compare.compute(candidates, rows).mean(axis=1)
    pairs = mean.index[mean >= _SIMILARITY]
    seconds = time.perf_counter() - began
    one, other = (
        rows.loc[pairs.get_level_values(level), ["key", "twin_of"]].reset_index(drop=True) for level in (0, 1)
    )
    found = int(((one["twin_of"] == other["key"]) | (other["twin_of"] == one["key"])).sum())
    planted = int(rows["twin_of"].notna().sum())
    values = {
        "recall": found / planted,
        "precision": found / max(len(pairs), 1),
        "pairs": len(pairs),
        "planted": planted,
    }
    return pd.DataFrame([*values.items(), ("work_seconds", seconds)], columns=["what", "value"])


if __name__ == "__main__":
    main(*sys.argv[1:])
