"""python -m benchmarks.speed.intake [--quick]: 10 M orders of a CSV file, 0.2 % of them wrong, beside DuckDB and pandas.

Ours is the whole intake: text first, every rule of the contract, quarantine with reasons, accounts, canonical Parquet sorted by
time, profile. duckdb is its own typed reader into the same sorted Parquet: declared types, what it cannot read kept by
store_rejects, and none of the other rules, reasons or files; reader is that without the Parquet, into a table. pandas is hand-written and makes the same checks: the wrong rows with
a reason to a CSV file, the right ones sorted to Parquet. Each contender runs in a process of its own, in the order A B C D D C B A,
measured from its start to its end. Ends with one line of JSON. Exits with 1 where the contenders' accounts differ.
"""

import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.speed.contest import Runs, command_line, measured, there_and_back, verdict

CONTENDERS = ("ours", "pandas", "duckdb", "reader")
AIMS = (
    ("2.5 times the time of DuckDB's typed reader into the same Parquet at most", "duckdb", "seconds", 2.5),
    ("half the time of pandas at most", "pandas", "seconds", 0.5),
    ("half the memory of pandas at most", "pandas", "peak_gb", 0.5),
)
HEADER = ("order_id", "customer_id", "ordered_at", "amount", "status", "refunded_amount", "channel", "comment")
STATUS = ("paid", "cancelled", "refunded")
# Row number modulo 5,000: ten of 5,000 are wrong, each in a way of its own.
WRONG = {
    0: "2025-02-30 10:00:00 is no day",
    500: "'free' is no amount",
    1000: "a status that is none",
    1500: "a negative amount",
    2000: "no key",
    2500: "a key that stood before",
    3000: "too few fields",
    3500: "too many fields",
    4000: "refunded more than was paid",
    4500: "a date of the future",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) one of its processes."""
    given = command_line("intake", __doc__, CONTENDERS, "orders; a multiple of 5,000", arguments)
    if given.contender:
        given.to.write_text(json.dumps(COMPUTE[given.contender](make(given.rows), given.to.parent)))
        return 0
    return _benchmark(given.rows)


def _benchmark(rows: int) -> int:
    file = make(rows)
    runs: Runs = {name: [] for name in CONTENDERS}
    told = {}
    for name in there_and_back(CONTENDERS):
        with tempfile.TemporaryDirectory() as folder:
            to = Path(folder) / "account.json"
            runs[name].append(
                measured("benchmarks.speed.intake", "--contender", name, "--rows", str(rows), "--to", str(to))
            )
            told[name] = json.loads(to.read_text())
    wrong = rows // 5_000 * len(WRONG)
    equal = told["ours"] == told["pandas"] and told["ours"]["quarantined"] == wrong and told["duckdb"]["read"] == rows
    if not equal:
        print(f"the accounts differ: {told}", file=sys.stderr)
    asked = {"benchmark": "intake", "rows": rows, "wrong": wrong, "megabytes": file.stat().st_size // 1_000_000}
    found = verdict(runs, AIMS)
    speed = {name: round(rows / found[name]["seconds"]) for name in CONTENDERS}
    print(json.dumps(asked | {"answers_equal": equal, "rows_per_second": speed} | found))
    return 0 if equal else 1


def make(rows: int) -> Path:
    """The file with so many orders; kept in the system's temporary folder between runs. Every value is a hash of its row's number."""
    file = Path(tempfile.gettempdir()) / f"crmnb-benchmark-intake-{rows}" / "orders.csv"
    if not file.exists():
        import duckdb

        file.parent.mkdir(exist_ok=True)
        lines = file.with_suffix(".lines")
        with duckdb.connect() as con:
            con.execute(
                f"COPY ({_lines(rows)}) TO '{lines}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x1f')"
            )
        lines.rename(file)
    return file


def _lines(rows: int) -> str:
    """The SQL of the file's lines."""
    values = f"""
        SELECT i, i % 5000 AS m, hash(i) AS h, hash(i + 1e9::BIGINT) AS g,
            TIMESTAMP '2023-01-01' + to_seconds((h % 94608000)::BIGINT) AS moment, (h % 20000)::BIGINT AS cents
        FROM range({rows}) AS r(i)
    """
    fields = """
        CASE m WHEN 2000 THEN '' WHEN 2500 THEN lpad((i - 1)::VARCHAR, 9, '0') ELSE lpad(i::VARCHAR, 9, '0') END,
        'C' || lpad((g % 1000000)::VARCHAR, 7, '0'),
        CASE m WHEN 0 THEN '2025-02-30 10:00:00' WHEN 4500 THEN '2031-01-01 00:00:00' ELSE strftime(moment, '%Y-%m-%d %H:%M:%S') END,
        CASE m WHEN 500 THEN 'free' WHEN 1500 THEN '-5.00' ELSE printf('%d.%02d', cents // 100, cents % 100) END,
        CASE m WHEN 1000 THEN 'lost' WHEN 4000 THEN 'refunded' ELSE
            CASE WHEN g % 20 = 0 THEN 'cancelled' WHEN g % 20 = 1 THEN 'refunded' ELSE 'paid' END END,
        CASE WHEN m = 4000 THEN '99999.00' WHEN g % 20 = 1 AND m NOT IN (500, 1500) THEN printf('%d.%02d', cents // 100, cents % 100) ELSE '' END,
        ['web', 'shop', 'phone', ''][1 + (g % 4)::INTEGER],
        CASE WHEN g % 10 = 0 THEN '"left, as agreed"' ELSE '' END
    """
    line = f"CASE m WHEN 3000 THEN i::VARCHAR || ',C1,2025-01-01' ELSE concat_ws(',', {fields}) || CASE m WHEN 3500 THEN ',more' ELSE '' END END"
    return f"SELECT '{','.join(HEADER)}' UNION ALL (SELECT {line} FROM ({values}) ORDER BY i)"


# ---- The contenders ---------------------------------------------------------------------------------------


def ours(file: Path, folder: Path) -> dict[str, int]:
    """The intake."""
    from crmnb.intake import import_data
    from crmnb.schema.client import Client

    columns = {name: name for name in HEADER}
    client = Client(
        id="benchmark",
        folder=file.parent,
        name="Benchmark",
        currency="EUR",
        data_until="2025-12-31",
        sources={"orders": {"file": file.name}},
        tables={"orders": {"source": "orders", "columns": columns}},
    )
    (account,) = import_data(client, folder).audits
    return {"read": account.read, "accepted": account.accepted, "quarantined": account.rejected}


def with_duckdb(file: Path, folder: Path, *, parquet: bool = True) -> dict[str, int]:
    """DuckDB's typed reader, into a table, and from there to Parquet."""
    import duckdb

    types = ("VARCHAR", "VARCHAR", "TIMESTAMP", "DECIMAL(18, 4)", "VARCHAR", "DECIMAL(18, 4)", "VARCHAR", "VARCHAR")
    columns = ", ".join(f"'{name}': '{type_}'" for name, type_ in zip(HEADER, types, strict=True))
    with duckdb.connect() as con:
        con.execute(
            f"CREATE TABLE orders AS FROM read_csv('{file}', auto_detect=false, header=true, delim=',', quote='\"', escape='\"', "
            f"columns={{{columns}}}, store_rejects=true, rejects_limit=0)"
        )
        ((accepted,),) = con.execute("SELECT count(*) FROM orders").fetchall()
        ((rejected,),) = con.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchall()
        if parquet:
            rows = "SELECT * FROM orders ORDER BY ordered_at, order_id"
            con.execute(f"COPY ({rows}) TO '{folder / 'orders.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    return {"read": accepted + rejected, "accepted": accepted, "quarantined": rejected}


def with_pandas(file: Path, folder: Path) -> dict[str, int]:
    """The same checks by hand. pandas drops lines with too many fields and fills those with too few: the former are counted from the lines."""
    import duckdb
    import pandas as pd

    with file.open("rb") as text:
        read = sum(block.count(b"\n") for block in iter(lambda: text.read(1 << 20), b"")) - 1
    rows = pd.read_csv(file, dtype=str, keep_default_na=False, on_bad_lines="skip")
    dropped, few = read - len(rows), rows["comment"].isna()
    at = pd.to_datetime(rows["ordered_at"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    amount, refunded = (pd.to_numeric(rows[name], errors="coerce") for name in ("amount", "refunded_amount"))
    checks = {
        "too few fields": few,
        "order_id is empty": rows["order_id"] == "",
        "ordered_at is not a time": at.isna(),
        "ordered_at is after the end": at >= "2026-01-01",
        "amount is not an amount": amount.isna(),
        "amount is below 0": amount < 0,
        "status is none of these": ~rows["status"].isin(STATUS),
        "refunded_amount is not an amount": refunded.isna() & (rows["refunded_amount"].fillna("") != ""),
        "refunded_amount is above amount": refunded > amount,
    }
    wrong = pd.concat(checks, axis=1).any(axis=1)
    wrong |= rows["order_id"].where(~wrong).duplicated() & ~wrong
    reasons = pd.Series("", index=rows.index[wrong])
    for words, broken in checks.items():
        reasons = reasons.where(~broken[wrong], reasons + words + "; ")
    rows[wrong].assign(reasons=reasons).to_csv(folder / "quarantine.csv", index=False)
    right = rows.assign(ordered_at=at, amount=amount, refunded_amount=refunded)[~wrong].sort_values("ordered_at")
    with duckdb.connect() as con:
        con.register("orders", right).execute(f"COPY orders TO '{folder / 'orders.parquet'}' (FORMAT parquet)")
    return {"read": read, "accepted": len(right), "quarantined": int(wrong.sum()) + dropped}


COMPUTE = {"ours": ours, "pandas": with_pandas, "duckdb": with_duckdb, "reader": partial(with_duckdb, parquet=False)}

if __name__ == "__main__":
    sys.exit(main())
