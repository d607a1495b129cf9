"""Near duplicates: records of a table that are alike in declared fields, found by blocking, in the engine.

Two records are compared only if they share a block, so that of n records far fewer than n (n - 1) / 2 pairs are looked at. A pair is
one record twice where the mean Jaro-Winkler similarity of the fields that both have is high enough; texts are compared without
case, accents and punctuation, as they are written or with their words in order, whichever is more alike. Records that are connected by pairs are one record; all of them but one are duplicates.

Sources. Winkler 1990, Proceedings of the Section on Survey Research Methods (ASA), 354 (similarity). Christen 2012, IEEE TKDE 24:1537
(blocking). Fellegi & Sunter 1969, JASA 64:1183 (records linked as pairs).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crmnb.intake.staging_table import quote_identifier, quote_literal
from crmnb.schema.client import Duplicates

LARGEST_BLOCK = 500  # records: a larger one holds a common value, and its pairs would take most of the time
MOST_PAIRS = 100_000  # in the file of pairs
_WORDS = r"[^\p{L}\p{N}]+"
RECORDS, PAIRS = "quality_records", "quality_pairs"  # temporary tables: (id, record, w0, f0 ..., b0 ...), (one, other)


@dataclass(frozen=True)
class NearDuplicates:
    """What was found: the number of records, of duplicates among them, and of records that no block compared for its size."""

    records: int
    duplicates: int
    left_out: int


def find_near_duplicates(
    con: duckdb.DuckDBPyConnection, rows: str, declared: Duplicates, keys: Sequence[str] = ()
) -> NearDuplicates:
    """The near duplicates among the rows of a query (SQL). The pairs stand in the temporary table PAIRS.

    The ids of PAIRS are the rows' places in the query. keys: the columns that name a record in `write_pairs`.
    """
    blocks = declared.blocks or tuple((name,) for name in declared.fields)
    fields = [
        f"{sql} AS {side}{at}"
        for at, name in enumerate(declared.fields)
        for side, sql in (("w", _bare(name)), ("f", _normalised(name)))
    ]
    fields += [f"{_block_key(block)} AS b{at}" for at, block in enumerate(blocks)]
    record = f"concat_ws(' ', {', '.join(f'{quote_identifier(name)}::VARCHAR' for name in keys)})" if keys else "NULL"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {RECORDS} AS "
        f"SELECT row_number() OVER () AS id, {record} AS record, {', '.join(fields)} FROM ({rows})"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {PAIRS} AS {_pairs(declared, len(blocks))}")
    ((records,),) = con.execute(f"SELECT count(*) FROM {RECORDS}").fetchall()
    return NearDuplicates(records, _count_duplicates(con), _count_left_out(con, len(blocks)))


def write_pairs(con: duckdb.DuckDBPyConnection, declared: Duplicates, path: Path) -> int:
    """Write the pairs that were found last to a CSV file, the most alike first, and count them; without pairs, no file is written.

    Of each pair the keys of both records, the similarity, and the fields that agree: those that are as alike as the records must be. The values of
    the fields stay in the table. At most `MOST_PAIRS` are written.
    """
    if con.execute(f"SELECT count(*) FROM {PAIRS}").fetchall() == [(0,)]:
        return 0
    similar = [_similarity(at, 0.0) for at in range(len(declared.fields))]
    mean = f"list_avg([{', '.join(similar)}])"  # of the fields that both records have
    agree = ", ".join(
        f"CASE WHEN {similarity} >= {declared.similarity} THEN {quote_literal(name)} END"
        for name, similarity in zip(declared.fields, similar, strict=True)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    ((written,),) = con.execute(
        f"COPY (SELECT one.record, other.record AS other_record, round({mean}, 3) AS similarity, concat_ws(', ', {agree}) AS fields_that_agree "
        f"FROM {PAIRS} pairs JOIN {RECORDS} one ON one.id = pairs.one JOIN {RECORDS} other ON other.id = pairs.other "
        f"ORDER BY similarity DESC, record, other_record LIMIT {MOST_PAIRS}) TO {quote_literal(path)} (FORMAT csv, HEADER, FORCE_QUOTE *)"
    ).fetchall()
    return written


def _bare(name: str) -> str:
    """The SQL of a column's text without case, accents and punctuation; NULL where nothing is left."""
    text = f"strip_accents(lower({quote_identifier(name)}::VARCHAR))"
    return f"nullif(trim(regexp_replace({text}, '{_WORDS}', ' ', 'g')), '')"


def _normalised(name: str) -> str:
    """The same with its words in order."""
    bare = _bare(name)
    return f"CASE WHEN contains({bare}, ' ') THEN array_to_string(list_sort(string_split({bare}, ' ')), ' ') ELSE {bare} END"


def _block_key(block: Sequence[str]) -> str:
    """The SQL of the value in which records of a block agree; NULL where a part of it is missing."""
    parts = []
    for part in block:
        name, _, length = part.partition(":")
        parts.append(f"left({_normalised(name)}, {int(length)})" if length else _normalised(name))
    return " || '/' || ".join(parts)  # NULL if any is


def _sized(at: int) -> str:
    """The SQL of the block keys of a pass that several records share, with their number."""
    return (
        f"SELECT b{at} AS key, count(*) AS size FROM {RECORDS} WHERE b{at} IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    )


def _pairs(declared: Duplicates, passes: int) -> str:
    """The SQL of the pairs of records that are alike, each once.

    Of k fields with a mean of s or more none is below 1 - k (1 - s): most pairs end with the first field, and the engine stops comparing
    two texts where they cannot reach that any more.
    """
    places = range(len(declared.fields))
    least = max(1 - len(declared.fields) * (1 - declared.similarity), 0.0) - 1e-9
    similar = [_similarity(at, least) for at in places]
    all_near = " AND ".join(f"coalesce({similarity} >= {least}, true)" for similarity in similar)
    known = " + ".join(f"({similarity} IS NOT NULL)::INTEGER" for similarity in similar)
    sum_ = " + ".join(f"coalesce({similarity}, 0)" for similarity in similar)
    candidates = " UNION ".join(
        f"SELECT one.id AS a, other.id AS b FROM {RECORDS} one JOIN {RECORDS} other ON one.b{at} = other.b{at} "
        f"AND one.id < other.id WHERE one.b{at} IN (SELECT key FROM ({_sized(at)}) WHERE size <= {LARGEST_BLOCK}) "
        f"AND {all_near} AND ({known}) > 0 AND ({sum_}) >= {declared.similarity} * ({known})"
        for at in range(passes)
    )
    return f"SELECT a AS one, b AS other FROM ({candidates})"


def _similarity(at: int, least: float) -> str:
    """The SQL of the similarity of a field, as written or with the words in order; 0 below `least`, NULL where one record has no value."""
    as_written, in_order = (
        f"jaro_winkler_similarity(one.{side}{at}, other.{side}{at}, {max(least, 0.0)})" for side in ("w", "f")
    )
    return f"greatest({as_written}, {in_order})"


def _count_duplicates(con: duckdb.DuckDBPyConnection) -> int:
    """The records that are connected by pairs, less one of each connected group: labels spread until none changes."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE quality_labels AS SELECT id, id AS label FROM "
        f"(SELECT one AS id FROM {PAIRS} UNION SELECT other FROM {PAIRS})"
    )
    spread = f"""
        CREATE OR REPLACE TEMP TABLE quality_lower AS
        SELECT id, min(label) AS label FROM (
            SELECT p.one AS id, l.label FROM {PAIRS} p JOIN quality_labels l ON l.id = p.other
            UNION ALL SELECT p.other, l.label FROM {PAIRS} p JOIN quality_labels l ON l.id = p.one
            UNION ALL SELECT l.id, further.label FROM quality_labels l JOIN quality_labels further ON further.id = l.label)
        GROUP BY id"""
    changed = 1
    while changed:
        con.execute(spread)
        ((changed,),) = con.execute(
            "UPDATE quality_labels SET label = lower.label FROM quality_lower lower "
            "WHERE lower.id = quality_labels.id AND lower.label < quality_labels.label"
        ).fetchall()
    ((duplicates,),) = con.execute("SELECT count(*) - count(DISTINCT label) FROM quality_labels").fetchall()
    return duplicates


def _count_left_out(con: duckdb.DuckDBPyConnection, passes: int) -> int:
    """The records that share a block only in passes where it is too large."""
    states = [
        f"(SELECT id, size <= {LARGEST_BLOCK} AS is_compared FROM {RECORDS} JOIN ({_sized(at)}) ON key = b{at})"
        for at in range(passes)
    ]
    ((left_out,),) = con.execute(
        f"SELECT count(*) FROM (SELECT id FROM ({' UNION ALL '.join(f'FROM {state}' for state in states)}) "
        "GROUP BY id HAVING NOT bool_or(is_compared))"
    ).fetchall()
    return left_out
