"""Databases: rows come as they are there, nothing is written, and no part of an address ever comes out."""

import os
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import postgres
import pytest
from importing import ORDERS, client_of, quarantined, rows, take

from crmnb.core.errors import InputError
from crmnb.intake import SourceMissing
from crmnb.intake.sources.database import fetch
from crmnb.schema.client import load_client

CANARIES = ("Canary", "canary", "127.0.0.1", postgres.PASSWORD, postgres.WRITTEN)
COLUMNS = 'id AS "No", customer AS "Customer", ordered AS "Ordered", total AS "Total", status AS "Status"'


def source(**options: str) -> str:
    return "sources:\n  orders:\n" + "".join(f"    {key}: {value}\n" for key, value in options.items())


def fetched(folder: Path, **options: str) -> tuple[list[tuple], dict]:
    """The rows that are fetched, and what is said of them."""
    file = fetch(client_of(folder, source(**options) + ORDERS), "orders", folder / "fetched.parquet")
    with duckdb.connect() as con:
        cells = con.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM '{file.path}'").fetchall()
    return cells, file.describe()


def refused(folder: Path, **options: str) -> str:
    """Why a source is refused; no part of the address is in the words, nor in what the exception holds."""
    with pytest.raises(InputError) as caught:
        fetched(folder, **options)
    words = str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert not any(canary in words for canary in CANARIES)
    return words


# ---- SQLite -----------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path):
    """A folder with an SQLite file, and how to write to that."""

    def run(*statements: str) -> None:
        with closing(sqlite3.connect(tmp_path / "canary.db")) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    return tmp_path, run


def test_sqlite_values_of_any_type_come_as_their_text(shop):
    """A driver that takes a column's type from its first rows would lose or refuse most of these."""
    folder, run = shop
    run(
        "CREATE TABLE t (a, b INTEGER)",
        *(f"INSERT INTO t VALUES ({value}, NULL)" for value in ["NULL"] * 1500),
        *(
            f"INSERT INTO t VALUES ({value}, 7)"
            for value in (
                "'007'",
                "7",
                "0.1",
                "-0.30000000000000004",
                "9007199254740993",
                "x'00ff'",
                "''",
                "5.0",
                "'é'",
            )
        ),
    )
    found, said = fetched(folder, database="sqlite:///canary.db", table="t")
    assert said["rows"] == 1509
    assert set(found[:1500]) == {(None, None)}
    assert [value for value, _ in found[1500:]] == [
        "007", "7", "0.1", "-0.30000000000000004", "9007199254740993", "X'00FF'", "", "5.0", "é",
    ]  # fmt: skip
    assert {number for _, number in found[1500:]} == {"7"}


def test_an_empty_sqlite_table_and_a_query_are_read(shop):
    folder, run = shop
    run("CREATE TABLE e (a, b)", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)")
    assert fetched(folder, database="sqlite:///canary.db", table="e")[0] == []
    query = '"SELECT a + 1 AS b FROM t ORDER BY 1 -- so;\\n;"'
    assert fetched(folder, database="sqlite:///canary.db", select=query)[0] == [("2",), ("3",)]


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("SELECT a FROM t; SELECT a FROM t", "select: it is not valid SQL for this database. Write one SELECT"),
        ("SELECT a FROM t) ; DROP TABLE t; --", "Write one SELECT"),
        ("DELETE FROM t", "Write one SELECT"),
        ("ATTACH 'made.db' AS made", "Write one SELECT"),
        ("SELECT a FROM t) ; ATTACH 'made.db' AS made; --", "Write one SELECT"),
        ("SELECT load_extension('x')", "Write one SELECT|only reading"),
        ("SELECT * FROM pragma_table_info('t')", "only reading is allowed"),
        ("SELECT a FROM nowhere", "the table does not exist"),
        ("SELECT b FROM t", "a column does not exist"),
        ("SELECT a, a FROM t", "two columns have the same name"),
        ("SELECT CAST(x'c328' AS TEXT) AS a", "is not UTF-8"),
    ],
)
def test_sqlite_is_only_read_and_by_one_statement(shop, select, words, monkeypatch):
    folder, run = shop
    monkeypatch.chdir(folder)
    run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    before = (folder / "canary.db").read_bytes()
    assert re.search(words, refused(folder, database="sqlite:///canary.db", select=f'"{select}"'))
    assert (folder / "canary.db").read_bytes() == before
    assert not (folder / "made.db").exists()


def test_an_sqlite_file_that_is_not_there_or_is_none(shop, tmp_path_factory):
    folder, _ = shop
    obtain = "obtain: Ask Ann.\n"
    with pytest.raises(
        SourceMissing, match=r"orders\.database: the SQLite file does not exist.*To get the data: Ask Ann\."
    ):
        fetch(client_of(folder, obtain + source(database="sqlite:///canary.db", table="t") + ORDERS), "orders", folder)
    assert not (folder / "canary.db").exists()
    (folder / "canary.db").write_text("no database " * 500)
    assert "is not an SQLite database" in refused(folder, database="sqlite:///canary.db", table="t")
    assert "is a folder" in refused(folder, database="sqlite:///.", table="t")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "canary.db"
    elsewhere.write_bytes(b"")
    (folder / "link.db").symlink_to(elsewhere)
    assert "is a link to another folder" in refused(folder, database="sqlite:///link.db", table="t")


def test_an_intake_from_sqlite_is_reused_until_a_row_changes(shop):
    folder, run = shop
    run(
        "CREATE TABLE orders (No TEXT, Customer, Ordered, Total REAL, Status)",
        "INSERT INTO orders VALUES ('007', NULL, '2025-01-31 10:00', 0.1, 'paid'), (8, 'a', '2025-02-01', 'x', 'paid')",
    )
    parameters = source(database="sqlite:///canary.db", table="orders") + ORDERS + "    bad_rows_allowed: 1\n"
    taken = take(folder, parameters)
    (row,) = rows(taken, "orders")
    assert (row["order_id"], row["ordered_at"], row["amount"]) == ("007", datetime(2025, 1, 31, 10), Decimal("0.1"))
    assert [(row["file"], row["No"], row["reasons"]) for row in quarantined(taken, "orders")] == [
        ("orders", "8", "amount is not an amount")
    ]
    assert take(folder, parameters).reused
    run(
        "CREATE TABLE copy AS SELECT * FROM orders ORDER BY No DESC",
        "DROP TABLE orders",
        "ALTER TABLE copy RENAME TO orders",
    )
    assert take(folder, parameters).reused  # the same rows in another order
    run("UPDATE orders SET Total = 0.2 WHERE No = '007'")
    assert not take(folder, parameters).reused


# ---- PostgreSQL -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a few tables; its folder is one that its own user can reach."""
    if postgres.programs() is None:
        pytest.skip("no PostgreSQL here (on Debian and Ubuntu: apt install postgresql)")
    with postgres.running() as server:
        server.run(
            "CREATE TYPE mood AS ENUM ('good', 'bad')",
            "CREATE SCHEMA shop",
            "CREATE TABLE shop.orders (id text, customer bigint, ordered timestamptz, total numeric(12, 2), status text)",
            "INSERT INTO shop.orders VALUES ('007', 12345678901, '2025-07-01 12:00+00', 10.10, 'paid'), "
            "('8', NULL, '2025-01-01 12:00+00', 0.30, 'paid'), ('9', 1, NULL, 1, 'paid')",
            "CREATE TABLE types (n numeric, big numeric, odd numeric, f8 float8, f4 float4, b bool, d date, t timestamp, "
            "z timestamptz, u uuid, j jsonb, a int[], m mood, x bytea, c char(4), i interval, none numeric)",
            "INSERT INTO types VALUES (1234567.10, 12345678901234567890.123456789012345678, 'NaN', 0.1, 0.1, true, "
            "'2025-01-31', 'infinity', '2025-01-31 12:00+02', '00000000-0000-0000-0000-000000000007', '{\"a\": 1}', "
            "'{1,2}', 'good', '\\x00ff', 'ab', '1 day', NULL), "
            "(-0.005, 1, 1.5, -0.30000000000000004, 1.5, NULL, '-infinity', '2025-01-31 12:00', NULL, NULL, NULL, NULL, "
            "NULL, NULL, NULL, NULL, NULL)",
            "CREATE TABLE empty (a int, b numeric)",
            "CREATE TABLE many AS SELECT n AS id, n % 7 AS k, n / 100.0 AS v FROM generate_series(1, 100000) AS n",
            "CREATE ROLE canary_weak LOGIN PASSWORD 'Canary'",
            "CREATE SEQUENCE counter",
        )
        yield server


@pytest.fixture
def at(server, monkeypatch, tmp_path):
    """The options of a source at the server, whose address stands in the environment."""
    monkeypatch.setenv("SHOP_ADDRESS", server.address)
    monkeypatch.setenv("SHOP_PASSWORD", postgres.PASSWORD)
    return {"database": '"${SHOP_ADDRESS}"'}


@pytest.mark.postgres
def test_postgresql_types_are_kept_and_numbers_exact(at, tmp_path):
    found, said = fetched(tmp_path, **at, table="types")
    with duckdb.connect() as con:
        types = dict(row[:2] for row in con.execute(f"DESCRIBE FROM '{tmp_path}/fetched.parquet'").fetchall())
    assert said["rows"] == 2
    assert types == {
        "n": "DECIMAL(18,3)", "big": "DECIMAL(38,18)", "odd": "VARCHAR", "f8": "DOUBLE", "f4": "DOUBLE", "b": "BOOLEAN",
        "d": "DATE", "t": "TIMESTAMP", "z": "TIMESTAMP WITH TIME ZONE", "none": "DECIMAL(18,0)",
        **dict.fromkeys("ujamxci", "VARCHAR"),
    }  # fmt: skip
    first, second = (dict(zip(types, row, strict=True)) for row in sorted(found, key=lambda row: row[0], reverse=True))
    assert (first["n"], first["big"], first["odd"]) == ("1234567.100", "12345678901234567890.123456789012345678", "NaN")
    assert (first["f8"], first["f4"], first["t"]) == ("0.1", "0.1", "infinity")
    assert [first[name] for name in "ujamxci"] == [
        "00000000-0000-0000-0000-000000000007", '{"a": 1}', "{1,2}", "good", "\\x00ff", "ab", "1 day",
    ]  # fmt: skip
    assert (second["n"], second["d"], second["f8"]) == ("-0.005", "-infinity", "-0.30000000000000004")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.postgres
def test_an_intake_from_postgresql(at, tmp_path, server):
    """Keys with leading zeros, numeric keys, exact amounts, instants on the client's clock, nothing; and no secret."""
    query = f"'SELECT {COLUMNS} FROM shop.orders'"
    parameters = f"time_zone: Europe/London\n{source(**at, select=query)}{ORDERS}    bad_rows_allowed: 1\n"
    taken = take(tmp_path, parameters)
    assert [tuple(row.values()) for row in rows(taken, "orders")] == [
        ("8", None, datetime(2025, 1, 1, 12), Decimal("0.30"), "paid"),
        ("007", "12345678901", datetime(2025, 7, 1, 13), Decimal("10.10"), "paid"),
    ]
    assert [(row["No"], row["reasons"]) for row in quarantined(taken, "orders")] == [("9", "ordered_at is empty")]
    for path in taken.folder.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        assert not any(canary.encode() in held for canary in CANARIES), path
    assert take(tmp_path, parameters).reused
    server.run("UPDATE shop.orders SET status = status WHERE id = '8'")  # moves the row behind the others
    assert take(tmp_path, parameters).reused


@pytest.mark.postgres
def test_many_rows_and_none_are_fetched(at, tmp_path):
    found, said = fetched(tmp_path, **at, table="many")
    assert (len(found), said["rows"]) == (100_000, 100_000)
    assert sum(Decimal(value) for *_, value in found) == Decimal("50000500")
    turned = fetched(tmp_path, **at, select="SELECT * FROM many ORDER BY id DESC")[1]
    assert turned == said
    assert fetched(tmp_path, **at, select="SELECT id, v AS k, k AS v FROM many")[1]["hash"] != said["hash"]
    assert fetched(tmp_path, **at, table="public.empty")[0] == []


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("option", "asked", "words"),
    [
        ("table", "nowhere", r"orders\.table: the table does not exist"),
        ("table", "nowhere.orders", "the table does not exist"),
        (
            "select",
            "SELECT 1 AS a; SELECT 2 AS a",
            r"orders\.select: it is not valid SQL for this database. Write one SELECT",
        ),
        ("select", "SELECT 1 AS a) TO PROGRAM 'touch made' --", "Write one SELECT"),
        ("select", "DELETE FROM many RETURNING id", "Write one SELECT"),
        ("select", "WITH gone AS (DELETE FROM many RETURNING id) SELECT id FROM gone", "only reading is allowed"),
        ("select", "SELECT nextval('counter')", "only reading is allowed"),
        ("select", "SELECT set_config('transaction_read_only', 'off', true)", "only reading is allowed"),
        ("select", "SELECT id AS a, id AS a FROM many", "two columns have the same name"),
        ("select", "SELECT nothing FROM many", "a column does not exist"),
        ("select", "SELECT 1 / (id - id) AS a FROM many", "cannot compute a value"),
        ("select", "SELECT FROM many", "it returns no column"),
    ],
)
def test_postgresql_is_only_read_and_by_one_statement(at, tmp_path, option, asked, words, server):
    assert re.search(words, refused(tmp_path, **at, **{option: f'"{asked}"'}))
    assert fetched(tmp_path, **at, select="SELECT count(*) AS n FROM many")[0] == [("100000",)]


@pytest.mark.postgres
def test_why_a_database_is_not_reached_is_said_without_its_address(at, tmp_path, server, monkeypatch):
    def at_server(user="canary_boss", port=server.port, name="postgres", more=""):
        return f'"postgresql://{user}:${{SHOP_PASSWORD}}@127.0.0.1:{port}/{name}{more}"'

    assert (
        fetched(tmp_path, database=at_server(), table="empty")[0] == []
    )  # the password is put in as it must be written
    assert "no server answers" in refused(tmp_path, database=at_server(port=postgres.free_port()), table="empty")
    assert "no database with this name" in refused(tmp_path, database=at_server(name="canary_other"), table="empty")
    assert "the address is not valid" in refused(tmp_path, database=at_server(more="?nonsense=1"), table="empty")
    slow = at_server(more="?options=-c%20statement_timeout%3D50")
    assert "time limit of the database was exceeded" in refused(
        tmp_path, database=slow, select="SELECT pg_sleep(5) AS a"
    )
    monkeypatch.setenv("SHOP_PASSWORD", "Canary")
    assert "has no permission to read it" in refused(tmp_path, database=at_server(user="canary_weak"), table="many")
    assert "does not accept the user or the password" in refused(tmp_path, database=at_server(), table="empty")
    assert "does not accept the user or the password" in refused(
        tmp_path, database=at_server(user="canary_no"), table="empty"
    )


# ---- The address ------------------------------------------------------------------------------------------


def test_what_the_environment_must_hold(tmp_path, monkeypatch):
    monkeypatch.delenv("SHOP_ADDRESS", raising=False)
    assert "the environment variable SHOP_ADDRESS is not set" in refused(
        tmp_path, database='"${SHOP_ADDRESS}"', table="t"
    )
    monkeypatch.setenv("SHOP_ADDRESS", "Canary")
    assert "the environment variables do not hold an address" in refused(
        tmp_path, database='"${SHOP_ADDRESS}"', table="t"
    )
    client = load_client("test", tmp_path)
    assert "Canary" not in f"{client!r}{client.model_dump_json()}"
    assert os.environ["SHOP_ADDRESS"] == "Canary"
