"""The tables of data quality that an import writes: cells, records, near duplicates, audited values; and faulty declarations."""

import csv

import duckdb
import numpy as np
import pytest
from importing import HEAD, rows, take

from crmnb.core.errors import InputError
from crmnb.demo.data_quality import TWICE
from crmnb.demo.draw import simulate_tables
from crmnb.demo.exports import export_customers
from crmnb.demo.parameters import Rates
from crmnb.intake.data_quality import near_duplicates
from crmnb.intake.data_quality.near_duplicates import PAIRS, find_near_duplicates
from crmnb.intake.erasure.erasure_list import add_to_erasure_list
from crmnb.intake.store import find_damaged_files
from crmnb.report.pages import check_page
from crmnb.schema.client import Duplicates, load_client

SHOP = """
sources:
  customers: {file: customers.csv, missing: ["", "?", "-100"]}
  checked: {file: checked.csv}
tables:
  customers:
    source: customers
    columns: {customer_id: No, joined_at: Since, region: Region, points: Points, name: Name}
    types: {points: integer}
    personal: [name]
    bad_rows_allowed: 1
"""
AUDIT = """  audited_values:
    source: checked
    columns: {table_name: Table, record_key: Record, column_name: Column, true_value: Truth}
"""
PEOPLE = """No,Since,Region,Points,Name
1,2024-01-01,North,5,Ann
2,2024-02-31,?,-100,Bea
2,2024-03-01,South,x,Cy
,2024-03-01,South,7,Dan
4,2024-03-01,,8,Eve,surplus
5,2024-03-02,West,9,Fay
5,2024-03-02,West,9,Fay
"""
NOTHING_CHECKED = "Table,Record,Column,Truth\n"


def quality(folder, table: str, parameters: str = "", people: str = PEOPLE, checked: str = NOTHING_CHECKED):
    return rows(take(folder, SHOP + parameters, customers_csv=people, checked_csv=checked), table)


def test_cells_are_missing_or_invalid_once_and_malformed_records_are_left_out(tmp_path):
    cells = {
        row["column_name"]: row
        for row in quality(tmp_path, "data_cells", "data_quality: {required: {customers: [region]}}")
    }
    figures = {name: (row["rows"], row["missing"], row["invalid"]) for name, row in cells.items()}
    assert figures == {  # of seven records one is malformed; placeholders are missing; a duplicate is no invalid key
        "customer_id": (6, 1, 0),
        "joined_at": (6, 0, 1),
        "region": (6, 1, 0),
        "points": (6, 1, 1),
        "name": (6, 0, 0),
    }
    assert [name for name, row in cells.items() if row["is_required"]] == ["customer_id", "region"]
    assert [name for name, row in cells.items() if row["is_checked"]] == ["customer_id", "joined_at", "points"]


def test_rejected_rows_and_duplicates_of_a_key_are_counted_by_cause_without_values(tmp_path):
    taken = take(tmp_path, SHOP, customers_csv=PEOPLE, checked_csv=NOTHING_CHECKED)
    (record,) = rows(taken, "data_records")
    assert (record["rows"], record["rejected"], record["duplicates"], record["accepted"]) == (7, 5, 1, 2)
    kinds = {(row["column_name"], row["kind"]): row["rows"] for row in rows(taken, "data_rejections")}
    expected = {("", "malformed"): 1, ("customer_id", "duplicate"): 1, ("customer_id", "empty"): 1}
    assert kinds == expected | {("joined_at", "unreadable"): 1, ("points", "unreadable"): 1}


# ---- Near duplicates ------------------------------------------------------------------------------------------------


def found(names: list[str], *, blocks=(("town",),), similarity: float = 0.92, towns: list[str] | None = None):
    with duckdb.connect() as con:
        con.execute("create table people (name varchar, town varchar)")
        con.executemany("insert into people values (?, ?)", [*zip(names, towns or ["Here"] * len(names), strict=True)])
        outcome = find_near_duplicates(
            con, "from people", Duplicates(fields=("name",), blocks=blocks, similarity=similarity)
        )
        return outcome, con.execute(f"select one, other from {PAIRS} order by all").fetchall()


def test_case_accents_punctuation_and_the_order_of_words_make_no_difference():
    outcome, pairs = found(["Zoë O'Neil", "O'NEIL, ZOE", "o neil zoe", "Tom Brown"])
    assert outcome.duplicates == 2
    assert {place for pair in pairs for place in pair} == {1, 2, 3}


def test_records_that_are_connected_are_one_record():
    """The first and the last are not alike, but each is like the one between."""
    chain = ["Jonson Martha", "Jonsen Marthe", "Jonsan Marthe"]
    outcome, pairs = found(chain, similarity=0.93)
    assert pairs == [(1, 2), (2, 3)]
    assert (outcome.records, outcome.duplicates) == (3, 2)


def test_records_are_compared_within_blocks_only_and_those_of_large_ones_are_counted(monkeypatch):
    twins = ["Anna Smith", "Anna Smyth"]
    assert found(twins, towns=["Here", "There"])[0].duplicates == 0
    assert found(twins, towns=["Here", "There"], blocks=(("town",), ("name:4",)))[0].duplicates == 1
    assert (
        found(["Ann", "Ann", ""], blocks=())[0].duplicates == 1
    )  # they agree in a field; what is empty agrees with nothing
    monkeypatch.setattr(near_duplicates, "LARGEST_BLOCK", 3)
    outcome, _ = found(["Anna Smith"] * 4 + twins, towns=["Here"] * 4 + ["There"] * 2)
    assert (outcome.duplicates, outcome.left_out) == (1, 4)


TWINS = """No,Since,Region,Points,Name
1,2024-01-01,North,5,Ann Smith
2,2024-01-01,North,7,"Smith, Ann"
3,2024-01-02,North,7,Anne Smith
4,2024-01-01,South,7,Bob Jones
"""
ALIKE = "data_quality: {duplicates: {customers: {fields: [name, joined_at], blocks: [[region]], similarity: 0.9}}}"


def pairs(taken) -> list[tuple[str, ...]]:
    """The file of near duplicates of customers, without its header."""
    with (taken.folder / "near_duplicates" / "near_duplicates_of_customers.csv").open(encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == ["record", "other_record", "similarity", "fields_that_agree"]
    return [tuple(line) for line in lines]


def test_analysts_find_the_pairs_with_keys_similarity_and_the_fields_that_agree_but_no_values(tmp_path):
    taken = take(tmp_path, SHOP + ALIKE, customers_csv=TWINS, checked_csv=NOTHING_CHECKED)
    found = pairs(taken)
    assert found[0] == ("1", "2", "1.0", "name, joined_at")
    assert {(one, other) for one, other, *_ in found} == {("1", "2"), ("1", "3"), ("2", "3")}
    assert [float(similarity) for _, _, similarity, _ in found] == sorted(
        (float(pair[2]) for pair in found), reverse=True
    )
    (record,) = rows(taken, "data_duplicates")
    assert record["duplicates"] == 2
    text = (taken.folder / "near_duplicates" / "near_duplicates_of_customers.csv").read_text()
    assert "Smith" not in text
    assert "2024" not in text


def test_there_is_no_file_of_pairs_where_no_records_are_alike(tmp_path):
    taken = take(tmp_path, SHOP + ALIKE, customers_csv=PEOPLE, checked_csv=NOTHING_CHECKED)
    assert not (taken.folder / "near_duplicates").exists()


def test_an_erased_customer_is_in_no_pair(tmp_path):
    first = take(tmp_path, SHOP + ALIKE, customers_csv=TWINS, checked_csv=NOTHING_CHECKED)
    add_to_erasure_list(tmp_path / "private", "2")
    taken = take(tmp_path, SHOP + ALIKE, customers_csv=TWINS, checked_csv=NOTHING_CHECKED)
    assert [pair[:2] for pair in pairs(taken)] == [("1", "3")]
    assert not first.folder.exists()  # nor does the file of before remain
    assert len([*tmp_path.rglob("near_duplicates_of_*")]) == 1


def test_the_data_check_links_the_files_of_pairs_and_their_rows_may_be_edited(tmp_path):
    taken = take(tmp_path, SHOP + ALIKE, customers_csv=TWINS, checked_csv=NOTHING_CHECKED)
    file = taken.folder / "near_duplicates" / "near_duplicates_of_customers.csv"
    file.write_text("looked at")
    assert find_damaged_files(taken.folder.parent, taken.fingerprint) == []
    client = load_client("test", tmp_path)
    href = "tables/x/near_duplicates/near_duplicates_of_customers.csv"
    page = check_page(client, (), day="2025-12-31", quarantine="quarantine.html", near_duplicates=(href,))
    assert f'<a href="{href}">near_duplicates_of_customers.csv</a>' in page
    assert "Near duplicates" not in check_page(client, (), day="2025-12-31", quarantine="quarantine.html")


def test_planted_duplicates_of_the_demo_are_found():
    """Of customers whose second record has another name, street or birthday: recall and precision of pairs."""
    clean = simulate_tables(Rates(), 4000, 5).tables["customers"]
    listed = export_customers(clean, np.random.default_rng(5))
    assert len(listed.twins) == pytest.approx(TWICE * len(clean), rel=0.05)
    accepted = listed.rows["Customer no"].isin({*clean["customer_id"], *listed.twins})
    good = listed.rows[accepted].drop_duplicates("Customer no")
    blocks = (("born",), ("street",), ("name:4", "street:6"))
    declared = Duplicates(fields=("name", "street", "born"), blocks=blocks, similarity=0.95)
    with duckdb.connect() as con:
        con.register("listed", good)
        outcome = find_near_duplicates(con, 'select * from listed order by "Customer no"', declared)
        keys = good["Customer no"].sort_values(ignore_index=True)
        pairs = {frozenset(keys[place - 1] for place in pair) for pair in con.execute(f"from {PAIRS}").fetchall()}
    planted = {frozenset(pair) for pair in listed.twins.items()}
    assert len(pairs & planted) >= 0.93 * len(planted)
    assert len(pairs & planted) >= 0.93 * len(pairs)
    assert outcome.duplicates == pytest.approx(len(planted), rel=0.07)


# ---- Audited values ---------------------------------------------------------------------------------------------------

CHECKED = """Table,Record,Column,Truth
customers,1,region,NORTH
customers,1,points,5.0
customers,5,joined_at,2024-03-03
customers,5,region,
customers,99,region,North
"""


def test_audited_values_are_compared_and_neither_keys_nor_values_stay(tmp_path):
    stored = quality(tmp_path, "audited_values", AUDIT, checked=CHECKED)
    by_column = {(row["record_key"], row["column_name"]): row["is_correct"] for row in stored}
    assert len(stored) == 4  # the key 99 is not there
    assert {row["records"] for row in stored} == {2}
    assert sorted(by_column.values()) == [False, False, True, True]
    assert {row["record_key"] for row in stored} == {"record 1", "record 2"}
    assert set(stored[0]) == {"table_name", "record_key", "column_name", "is_correct", "records"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("customer,1,region,North", "table_name is 'customer' in some rows"),
        ("customers,1,regoin,North", "column_name is 'regoin' in some rows, which is not a column of customers"),
    ],
)
def test_audited_values_of_what_is_not_there_are_refused(tmp_path, line, words):
    with pytest.raises(InputError, match=words):
        quality(tmp_path, "audited_values", AUDIT, checked=f"Table,Record,Column,Truth\n{line}\n")


# ---- Declarations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("required: {customer: [region]}", "data_quality.required.customer: 'customer' is not mapped"),
        ("required: {customers: [regoin]}", "data_quality.required.customers: 'regoin' is not mapped"),
        (
            "duplicates: {customers: {fields: [names]}}",
            "data_quality.duplicates.customers.fields: 'names' is not mapped",
        ),
        ("duplicates: {customers: {fields: [name], blocks: [['regio:2']]}}", "customers.blocks: 'regio' is not mapped"),
        ("duplicates: {customers: {fields: [name], similarity: 2}}", "duplicates.customers.similarity"),
        ("freshness_hours: {orders: 24}", "data_quality.freshness_hours.orders: 'orders' is not mapped"),
    ],
)
def test_declarations_that_fit_nothing_are_refused(tmp_path, declared, words):
    (tmp_path / "test.yml").write_text(f"{HEAD}{SHOP}data_quality: {{{declared}}}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_client("test", tmp_path)
    assert words in str(caught.value)


def test_a_table_that_the_import_writes_cannot_be_mapped(tmp_path):
    mapped = "  data_cells: {source: customers, columns: {table_name: No}}\n"
    (tmp_path / "test.yml").write_text(f"{HEAD}{SHOP}{mapped}", encoding="utf-8")
    with pytest.raises(InputError, match=r"tables.data_cells: the import writes this table itself"):
        load_client("test", tmp_path)
