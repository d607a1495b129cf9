"""python -m benchmarks.speed.duplicates [--quick]: near duplicates among 1 M customers, beside the package recordlinkage with the same blocks.

One customer in fifty is on the list twice, the second time with the words of the name in another order, a letter missing, or in capitals; three in ten
with a letter missing in the street, one in ten without a birthday. Compared are records that agree in the birthday, in the street, or in
the beginnings of name and street, by the mean Jaro-Winkler similarity of the three; 0.95 and more is a pair. recordlinkage
(benchmarks/speed/duplicates_recordlinkage.py) gets names and streets that were normalised before, without the time that it takes. Each runs in
a process of its own, in the order A B B A. Recall is the share of planted pairs that are found, precision the share of pairs found that
were planted. Ends with one line of JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.peers.environment import python
from benchmarks.speed.contest import Runs, measured, there_and_back, verdict

CONTENDERS = ("ours", "recordlinkage")
FIELDS = ("name", "street", "born")
BLOCKS = (("born",), ("street",), ("name:4", "street:6"))
SIMILARITY = 0.95
SECONDS = 60  # at most, of ours, from the file to the pairs
AIMS = (
    ("half the time of recordlinkage at most, from the file to the pairs", "recordlinkage", "work_seconds", 0.5),
    ("half the memory of recordlinkage at most", "recordlinkage", "peak_gb", 0.5),
)
_TWICE = 50  # one customer in so many has a second record


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) our process of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.duplicates", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="100,000 customers, each contender once")
    parser.add_argument("--rows", type=int, help="customers")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--contender", choices=["ours"], help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    rows = given.rows or (100_000 if given.quick else 1_000_000)
    if given.contender:
        _ours(make(rows)).to_csv(given.to, index=False)
        return 0
    return _benchmark(rows, CONTENDERS[:1] if given.alone else CONTENDERS, once=given.quick)


def make(rows: int) -> Path:
    """The file of so many customers and their second records; kept in the system's temporary folder between runs.

    Nothing is drawn at random: values come from hashes of the row's number. Columns: key, name, street, born, twin_of (the key of the first
    record, or none), and `plain_name`, `plain_street` in lower case, the words of the name in order.
    """
    import duckdb

    file = Path(tempfile.gettempdir()) / f"crmnb-benchmark-duplicates-{rows}.parquet"
    if file.exists():
        return file
    unfinished = file.with_suffix(".part")
    syllables = (
        "['ba','ko','li','mer','ta','no','ri','sel','vin','ur','go','da','fen','pol','hu','zar','wis','em','cor','jo']"
    )
    with duckdb.connect() as con:
        con.execute("create macro draw(i, salt, n) as (hash(i * 1000 + salt) % n)::bigint")
        con.execute(f"create macro syllable(i, salt) as {syllables}[1 + draw(i, salt, 20)]")
        con.execute(
            "create macro without(t, i, salt) as left(t, 1 + draw(i, salt, length(t) - 2)::int) || substr(t, 3 + draw(i, salt, length(t) - 2)::int)"
        )
        con.execute(f"""
            create table people as select i,
                syllable(i, 1) || syllable(i, 2) as first,
                syllable(i, 3) || syllable(i, 4) || syllable(i, 5) as last,
                (1 + draw(i, 6, 250)) || ' ' || syllable(i, 7) || syllable(i, 8) || ' ' || ['Street', 'Road', 'Lane', 'Hill'][1 + draw(i, 9, 4)]
                    || ', ' || syllable(i, 10) || syllable(i, 11) as street,
                (date '1940-01-01' + draw(i, 12, 23360)::int)::varchar as born
            from range({rows}) r(i)""")
        con.execute(f"""
            create table listed as
            select i::varchar as key, first || ' ' || last as name, street, born, null::varchar as twin_of from people
            union all
            select i || 'x', case draw(i, 13, 3) when 0 then last || ', ' || first when 1 then without(first || ' ' || last, i, 14)
                    else upper(first || ' ' || last) end,
                case when draw(i, 15, 10) < 3 then without(street, i, 16) else street end,
                case when draw(i, 17, 10) > 0 then born end, i::varchar
            from people where draw(i, 18, {_TWICE}) = 0""")
        con.execute(f"""
            copy (select *, array_to_string(list_sort(string_split(regexp_replace(lower(name), '[^a-z ]', '', 'g'), ' ')), ' ') as plain_name,
                regexp_replace(lower(street), '[^a-z0-9 ]', '', 'g') as plain_street from listed order by hash(key))
            to '{unfinished}' (format parquet)""")
    unfinished.rename(file)
    return file


def _ours(file: Path) -> pd.DataFrame:
    """Our figures, a row each: what, value."""
    import duckdb

    from crmnb.intake.data_quality.near_duplicates import PAIRS, find_near_duplicates
    from crmnb.schema.client import Duplicates

    declared = Duplicates(fields=FIELDS, blocks=BLOCKS, similarity=SIMILARITY)
    began = time.perf_counter()
    with duckdb.connect() as con:
        outcome = find_near_duplicates(con, f"select name, street, born from '{file}'", declared)
        seconds = time.perf_counter() - began
        con.execute(f"create table places as select row_number() over () as id, key, twin_of from '{file}'")
        pairs = f"""select a.key as one, a.twin_of as one_of, b.key as other, b.twin_of as other_of
            from {PAIRS} p join places a on a.id = p.one join places b on b.id = p.other"""
        right = f"select count(*) from ({pairs}) where one_of = other or other_of = one"
        ((found,), (all_pairs,)) = (con.execute(sql).fetchone() for sql in (right, f"select count(*) from {PAIRS}"))
        ((planted,),) = con.execute("select count(twin_of) from places").fetchall()
    return figures(found, all_pairs, planted, seconds, duplicates=outcome.duplicates, left_out=outcome.left_out)


def figures(found: int, pairs: int, planted: int, seconds: float, **more: float) -> pd.DataFrame:
    """Recall and precision of pairs, and the seconds of work."""
    values = {"recall": found / planted, "precision": found / max(pairs, 1), "pairs": pairs, "planted": planted}
    return pd.DataFrame([*(values | more).items(), ("work_seconds", seconds)], columns=["what", "value"])


def _benchmark(rows: int, contenders: tuple[str, ...], *, once: bool) -> int:
    make(rows)
    if len(contenders) > 1:
        python()  # so that nobody waits for the environment
    runs: Runs = {name: [] for name in contenders}
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in contenders if once else there_and_back(contenders):
            to = Path(folder) / f"{name}.csv"
            run = measured(*_command(name, rows, to))
            values = pd.read_csv(to).set_index("what")["value"]
            runs[name].append(run | {"work_seconds": float(values.pop("work_seconds"))})
            told[name] = {what: round(float(value), 4) for what, value in values.items()}
    print(json.dumps(report(rows, told, runs)))
    return 0


def _command(name: str, rows: int, to: Path) -> list[str]:
    if name == "ours":
        return ["benchmarks.speed.duplicates", "--contender", name, "--rows", str(rows), "--to", str(to)]
    return ["benchmarks.speed.duplicates_recordlinkage", str(make(rows)), str(to)]


def report(rows: int, told: dict[str, dict[str, float]], runs: Runs) -> dict:
    """What the last line says."""
    lasting = verdict(runs, AIMS if len(runs) > 1 else ())
    seconds = lasting["ours"]["work_seconds"]
    aim = {
        "aim": f"{SECONDS} seconds at most, from the file to the pairs",
        "seconds": seconds,
        "met": seconds <= SECONDS,
    }
    return {"benchmark": "duplicates", "customers": rows, "found": told} | lasting | {"aims": [aim, *lasting["aims"]]}


if __name__ == "__main__":
    sys.exit(main())
