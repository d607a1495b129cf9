"""The parameters file: what is read, what is refused, and whether the words help."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from crmnb.core.errors import InputError
from crmnb.schema.client import known_clients, load_client

PARAMETERS = Path(__file__).parents[3] / "parameters"
GOOD = """
name: Shop
currency: GBP
sources:
  o: {file: o.csv}
tables:
  orders:
    source: o
    columns: {order_id: No, ordered_at: At, amount: Sum, status: State, region: Region}
"""


def refusal(folder: Path, text: str | bytes, name: str = "shop") -> str:
    (folder / f"{name}.yml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as caught:
        load_client(name, folder)
    words = str(caught.value)
    assert f"{name}.yml" in words
    assert "pydantic" not in words.lower()
    assert "https://" not in words
    assert "Traceback" not in words
    return words


def load(folder: Path, text: str):
    (folder / "shop.yml").write_text(text, encoding="utf-8")
    return load_client("shop", folder)


@pytest.mark.parametrize("path", sorted(PARAMETERS.glob("*.yml")), ids=lambda path: path.stem)
def test_the_clients_that_come_along_are_valid(path):
    client = load_client(path.stem, PARAMETERS)
    assert client.id == path.stem
    assert client.folder == PARAMETERS


def test_known_clients_are_the_files_with_proper_names(tmp_path):
    for name in ("b.yml", "a_1.yml", "Not.yml", "no.txt"):
        (tmp_path / name).write_text(GOOD)
    assert known_clients(tmp_path) == ["a_1", "b"]
    assert known_clients(tmp_path / "absent") == []


def test_a_path_names_the_file_itself(tmp_path):
    (tmp_path / "shop.yml").write_text(GOOD)
    assert load_client(tmp_path / "shop.yml", Path("/nowhere")).name == "Shop"


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "..", "", "a/b", "a.yml", "Shop", "1shop", "a\n", "a b"])
def test_a_name_that_is_none_is_refused_before_a_path_is_made(tmp_path, monkeypatch, name):
    monkeypatch.setattr(Path, "is_file", lambda self: pytest.fail(f"looked for {self}"))
    with pytest.raises(InputError, match="is not a valid name"):
        load_client(name, tmp_path)


def test_an_unknown_client_names_the_nearest(tmp_path):
    (tmp_path / "corner_shop.yml").write_text(GOOD)
    with pytest.raises(InputError, match=r"The client 'corner_shp' does not exist.*Did you mean corner_shop\?"):
        load_client("corner_shp", tmp_path)


# ---- YAML -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nname: b", "line 2: the key 'name' occurs twice (first on line 1)"),
        ("sources:\n  a: {file: x}\n  a: {file: y}", "line 3: the key 'a' occurs twice (first on line 2)"),
        ("a: &x [1]\nb: [*x, *x]", "line 1: anchors and aliases"),
        ("a: *x", "line 1: anchors and aliases"),
        ("name: ok\na: !!python/object/apply:os.system [echo]", "line 2: the tag"),
        ("a: !shop 1", "the tag '!shop' is not allowed"),
        ("a: [1", "line 1"),
        ("? [a, b]\n: c", "a key must be a word"),
        ("[" * 5000, "nested too deeply"),
        ("- a\n- b", "must hold keys and values"),
        ("", "must hold keys and values"),
        (b"name: ok\nx: caf\xe9", "line 2: the file is not UTF-8"),
        (b"name: a\x00b", "not allowed"),
        ("a: {<<: {b: 1}}", "'a' is not a known key"),
    ],
)
def test_yaml_that_is_not_plain_data_is_refused(tmp_path, text, words):
    assert words in refusal(tmp_path, text)


def test_an_object_in_the_file_runs_nothing(tmp_path):
    refusal(tmp_path, f"name: !!python/object/apply:os.mkdir ['{tmp_path}/made']")
    assert not (tmp_path / "made").exists()


def test_words_that_yaml_1_1_twists_stay_as_they_are_written(tmp_path):
    client = load(
        tmp_path,
        GOOD
        + "    values: {region: {no: Norway, 010: ten, 12:30: noon, 7: seven, off: Off, 2025-01-01: day}}\n"
        + "settings: {csat: {at_least: 4, weight: 0.5, on_way: yes, exact: true, none: null}}\ndata_from: 2025-01-01",
    )
    assert list(client.tables["orders"].values["region"]) == ["no", "010", "12:30", "7", "off", "2025-01-01"]
    assert client.settings["csat"] == {"at_least": 4, "weight": 0.5, "on_way": "yes", "exact": True, "none": None}
    assert client.data_from == date(2025, 1, 1)


def test_a_tab_is_a_delimiter_and_a_blank_a_mark(tmp_path):
    text = GOOD.replace("{file: o.csv}", '{file: o.csv, delimiter: "\\t", thousands: " "}')
    source = load(tmp_path, text).sources["o"]
    assert (source.delimiter, source.thousands) == ("\t", " ")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    assert load(tmp_path, "\ufeff" + GOOD.lstrip()).name == "Shop"


# ---- One key at a time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("curency: EUR", "curency: 'curency' is not a known key. Did you mean currency"),
        ("id: other", "id: is not allowed in the file"),
        ("folder: /", "folder: is not allowed in the file"),
        ("comparison: previos", "comparison: 'previos' is not allowed. Did you mean previous?"),
        ("level: 95", "level: 95 is out of range; it must be at most 0.9999"),
        ("fiscal_year_starts: 13", "fiscal_year_starts: 13 is out of range; it must be at most 12"),
        ("fiscal_year_starts: April", "fiscal_year_starts: 'April' is not a whole number"),
        ("data_from: 2025-02-31", "data_from: '2025-02-31' is not a date such as 2025-12-31"),
        ("data_from: 2025-12-02\ndata_until: 2025-12-01", "data_until: 2025-12-01 is before data_from (2025-12-02)"),
        ("locale: xx_QQ", "locale: 'xx_QQ' is unknown"),
        ("locale: nonsense", "locale: 'nonsense' is unknown"),
        ("time_zone: Europe/Londn", "time_zone: 'Europe/Londn' is not a time zone. Did you mean Europe/London"),
        ("time_zone: Europe", "time_zone: 'Europe' is not a time zone"),
        ("time_zone: ../../etc/passwd", "time_zone: '../../etc/passwd' is not a time zone"),
        ("privacy: {min_base: 0}", "privacy.min_base: 0 is out of range; it must be at least 1"),
        ("privacy: {minbase: 1}", "privacy.minbase: 'minbase' is not a known key. Did you mean min_base?"),
        ("targets: {csat: high}", "targets.csat: 'high' is not a number"),
        ("targets: {csat: .nan}", "targets.csat: '.nan' is not a number"),
        ("objectives: csat", "objectives: 'csat' is not a list"),
        ("items: {satisfied: {scale: [5, 1]}}", "items.satisfied.scale: [5, 1] must go from low to high"),
        ("items: {satisfied: {scale: [1]}}", "items.satisfied.scale.1: is required"),
        ("churn: {kind: inactivity}", "churn.inactivity_days: is required"),
        ("churn: {kind: inactivity, table: customers, inactivity_days: 9}", "which is measured by orders"),
        ("churn: {kind: contractual, table: customers}", "churn.table: 'customers' is not mapped"),
        ("churn: {kind: contractual}", "needs customers (left_at) or subscriptions (ended_at)"),
        ("churn: {kind: lapsed}", "churn.kind: 'lapsed' is not allowed. Allowed: contractual, inactivity."),
        ("segments: {a: {column: region}}", "segments.a.column: 'region' is not valid; write table.column"),
        (
            "segments: {a: {column: orders.regio}}",
            "'regio' is not mapped under tables.orders.columns. Did you mean region",
        ),
        ("segments: {a: {column: order.region}}", "'order' is not mapped under tables. Did you mean orders"),
        (
            "segments: {a: {column: orders.amount, bands: [2, 1]}}",
            "segments.a.bands: [2.0, 1.0] must be in ascending order",
        ),
        ("segments: {a: {column: orders.order_id}}", "segments.a.column: orders.order_id is a key"),
        ("segments: {a: {column: orders.amount, years: [1]}}", "orders.amount is not a date"),
        ("segments: {a: {column: orders.ordered_at}}", "is a date. Use `years`"),
        ("segments: {a: {column: orders.region, bands: [1], years: [1]}}", "not both"),
        ("worth: {margin_rate: 40}", "worth.margin_rate: 40 is out of range; it must be at most 1"),
        ("worth: {discount_rate: -0.1}", "worth.discount_rate: -0.1 is out of range; it must be at least 0"),
        ("worth: {margin: 0.4}", "worth.margin: 'margin' is not a known key. Did you mean margin_rate?"),
        ("worth: {books: {Q4 2025: 1}}", "worth.books: period 'Q4 2025' is not one of the forms 2025, 2025Q4"),
        ("worth: {books: {2025: 0}}", "worth.books.2025"),
        ("worth: {books: {2025: -5}}", "worth.books.2025"),
        ("worth: {books: {2025: lots}}", "worth.books.2025: 'lots' is not a number"),
    ],
)
def test_each_wrong_key_is_named_with_its_value_and_what_is_allowed(tmp_path, more, words):
    assert words in refusal(tmp_path, f"{GOOD}{more}\n")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("currency: GBP", "currency: gbp", "currency: 'gbp' is not valid; use the three capital letters"),
        ("currency: GBP\n", "", "currency: is required"),
        ("ordered_at: At", "orderd_at: At", "tables.orders.columns.orderd_at: unknown column. Did you mean ordered_at?"),
        ("ordered_at: At, ", "", "tables.orders.columns.ordered_at: is required for orders"),
        ("source: o\n", "source: oo\n", "tables.orders.source: 'oo' is not among the sources. Did you mean o?"),
        ("  orders:", "  ordrs:", "tables.ordrs: 'ordrs' is not a table. Did you mean orders?"),
        ("source: o\n", "source: o\n    query: select 1\n", "with a `query`, `source` and `columns` are not allowed"),
        ("source: o\n", "", "declare either `source` and `columns`"),
        ("region: Region", "Region: Region", "'Region' is not valid; use small letters"),
        ("source: o\n", "source: o\n    values: {status: {9: pad}}\n", "values.status.9: 'pad' is not allowed. Did you mean paid?"),
        ("source: o\n", "source: o\n    values: {stats: {a: b}}\n", "'stats' is not mapped under columns. Did you mean status"),
        ("source: o\n", "source: o\n    personal: [nme]\n", "tables.orders.personal.nme: 'nme' is not mapped"),
        ("source: o\n", "source: o\n    bad_rows_allowed: 5\n", "bad_rows_allowed: 5 is out of range; it must be at most 1"),
        ("o.csv}", "o.csv, delimiter: ',,'}", "sources.o.delimiter: ',,' must be a single character"),
        ("o.csv}", "o.csv, delimiter: '\"'}", "sources.o.delimiter: '\"' cannot separate columns"),
        ("o.csv}", "o.csv, thousands: '.'}", "sources.o.thousands: '.' is already the decimal mark"),
        ("o.csv}", "o.csv, encoding: utf-9}", "sources.o.encoding: 'utf-9' is not an encoding"),
        ("o.csv}", "o.csv, encoding: zip}", "sources.o.encoding: 'zip' is not an encoding"),
        ("o.csv}", "o.csv, date_format: '%d/%Q'}", "has the unknown directive %Q"),
        ("o.csv}", "o.csv, date_format: dd/mm/yyyy}", "must contain the year, the month and, except for months, the day"),
        ("o.csv}", "o.csv, columns: {Sum: mony}}", "sources.o.columns.Sum: 'mony' is not a type. Did you mean money or month?"),
    ],
)  # fmt: skip
def test_each_slip_in_sources_and_tables_is_named(tmp_path, old, new, words):
    assert old in GOOD
    assert words in refusal(tmp_path, GOOD.replace(old, new))


DATABASE = "database: 'postgresql://ann:${PW}@db/shop', table: t"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("delimiter: ;", "sources.o: declare either `file` or `database`"),
        (f"file: o.csv, {DATABASE}", "sources.o: declare either `file` or `database`"),
        ("database: 'sqlite:///o.db'", "sources.o: declare either `table` or `select`"),
        (f"{DATABASE}, select: select 1", "sources.o: declare either `table` or `select`"),
        ("database: 'sqlite:///o.db', table: a.b.c", "sources.o.table: 'a.b.c' is not valid"),
        ("database: 'sqlite:///o.db', table: a.", "sources.o.table: 'a.' is not valid"),
        ("database: 'sqlite:///o.db', select: ' ; '", "sources.o.select: is empty"),
        (f"{DATABASE}, delimiter: ;", "sources.o.delimiter: does not apply to a database; remove it"),
        (f"{DATABASE}, decimal: ','", "sources.o.decimal: does not apply to a database"),
        (f"{DATABASE}, format: csv", "sources.o.format: does not apply to a database"),
        ("database: 'host=db password=x', table: t", "sources.o.database: is not a valid address. Write postgresql://"),
        ("file: o.csv, table: t", "sources.o.table: does not apply to delimited text"),
        ("file: o.csv.gz, sheets: [May]", "sources.o.sheets: does not apply to delimited text"),
        ("file: o.xlsx, encoding: cp1252", "sources.o.encoding: does not apply to a workbook"),
        ("file: o.dat, format: excel, delimiter: ;", "sources.o.delimiter: does not apply to a workbook"),
        ("file: o.parquet, header: 3", "sources.o.header: does not apply to Parquet"),
        ("file: o.jsonl, header: 3", "sources.o.header: does not apply to JSON lines"),
        ("file: o.xlsx, sheets: [May, May]", "sources.o.sheets: 'May' occurs twice"),
        ("file: o.xlsx, sheets: ['*', May]", 'sources.o.sheets: "*" means all sheets'),
        ("file: o.xlsx, sheets: May", "sources.o.sheets: the value (not shown) is not a list"),
        ("file: o.csv, header: 0", "sources.o.header: 0 is out of range; it must be at least 1"),
        ("file: o.csv, format: xlsx", "sources.o.format: 'xlsx' is not allowed. Allowed: csv, excel, json, parquet"),
        ("file: o.csv, signs: ['-']", "sources.o.signs: '-' may be part of a number"),
        ("file: o.csv, date_format: Excel", "sources.o.date_format: 'Excel' must contain the year"),
    ],
)  # fmt: skip
def test_options_of_a_source_that_do_not_fit_together(tmp_path, source, words):
    assert words in refusal(tmp_path, GOOD.replace("{file: o.csv}", f"{{{source}}}"))


@pytest.mark.parametrize(
    "source",
    [
        "file: o.xlsx, sheets: ['*'], header: 3, decimal: ',', date_format: excel",
        "file: 'o.*', delimiter: ;, sheets: [May], signs: [EUR, Fr.]",
        "file: o.jsonl.gz, encoding: utf-16",
        DATABASE,
        "database: '${SHOP}', select: select 1, missing: ['-'], date_format: '%d/%m/%Y'",
        "database: 'postgresql://ann@[::1]:5432,db:5433/shop?password=${PW}', table: shop.t",
        "database: 'sqlite:///data/o:1@2.db', table: t",
        "database: 'postgresql://ann%40shop:${PW}@%2Frun%2Fpg/shop?options=-c%20search_path%3Dx', table: t",
    ],
)
def test_options_of_a_source_that_fit_together(tmp_path, source):
    assert load(tmp_path, GOOD.replace("{file: o.csv}", f"{{{source}}}")).sources["o"]


@pytest.mark.parametrize(
    "source",
    [
        "database: 'postgresql://ann:canary@db/shop', table: t",
        "database: 'postgresql://ann:can#ary@db/shop', table: t",
        "database: 'postgresql://ann:can/ary@db/shop', table: t",
        "database: 'postgresql://ann:canary${PW}@db/shop', table: t",
        "database: 'postgres://ann:canary/shop', table: t",
        "database: 'postgresql://ann@db/shop?x=1&password=canary', table: t",
        "database: 'mysql://ann:canary@db/shop', table: t",
        "database: ['postgresql://ann:canary@db/shop'], table: t",
        "database: {url: canary}, table: t",
        "databse: 'postgresql://ann:canary@db/shop', table: t",
        "file: 'postgresql://ann:canary@db/shop'",
        "file: o.csv, format: 'postgresql://ann:canary@db/shop'",
        "database: 'postgresql://db/shop?user=x&pass%77ord=canary', table: t",
        "database: 'postgresql://db/shop?user=x&p%61ssword=can%26ary', table: t",
        "database: 'postgresql://ann%3Acanary@db/shop', table: t",
        "database: 'postgresql://ann%3Acanary%40db/shop', table: t",
        "database: 'postgresql://db/shop?dbname=host%3Ddb%20password%3Dcanary', table: t",
        "database: 'postgresql://db/shop?oauth_client_secret=canary', table: t",
        "file: {host: db, password: canary}",
        "file: [host=db password=canary]",
        "columns: host=db password=canary",
        "host=db password=canary",
    ],
)
def test_a_password_in_the_file_is_refused_and_never_shown(tmp_path, source):
    assert "canary" not in refusal(tmp_path, GOOD.replace("{file: o.csv}", f"{{{source}}}"))


@pytest.mark.parametrize(
    "source",
    [
        "o: 'postgresql://ann:canary@db/shop'",
        "o: host=db password=canary",
        "o: [{database: host=db password=canary}]",
        "'postgresql://ann:canary@db/shop': {file: o.csv}",
        "host=db password=canary: {file: o.csv}",
        "[{database: host=db password=canary}]",
        "host=db password=canary",
    ],
)
def test_an_address_in_a_wrong_place_is_not_shown(tmp_path, source):
    said = refusal(
        tmp_path, GOOD.replace("\n  o: {file: o.csv}", f" {source}" if ": " not in source else f"\n  {source}")
    )
    assert "canary" not in said
    assert re.search(r"- line \d, sources", said)


def test_all_problems_are_said_at_once(tmp_path):
    words = refusal(tmp_path, GOOD.replace("GBP", "pounds") + "level: 2\ncomparison: x\n")
    keys = [line.split(":")[0] for line in words.splitlines()[1:]]
    assert keys == ["- line 3, currency", "- line 10, level", "- line 11, comparison"]


def test_a_fault_of_one_key_does_not_hide_those_of_the_others(tmp_path):
    """Those of the schema, and those that concern several keys; but none that only follows from another."""
    text = GOOD.replace("amount: Sum", "amount: ").replace("{file: o.csv}", "{file: o.csv, delimeter: x}")
    words = refusal(
        tmp_path, f"{text}churn: {{kind: gone}}\nsegments: {{r: {{column: orders.regio}}}}\nfiscal_year_starts: 0\n"
    )
    keys = [line.split(":")[0] for line in words.splitlines()[1:]]
    assert keys == [
        "- line 5, sources.o.delimeter",
        "- line 9, tables.orders.columns.amount",
        "- line 10, churn.kind",
        "- line 11, segments.r.column",
        "- line 12, fiscal_year_starts",
    ]


def test_a_missing_section_is_the_only_fault_that_is_named(tmp_path):
    """Every reference to it would be another one."""
    words = refusal(tmp_path, GOOD.replace("sources:\n  o: {file: o.csv}\n", ""))
    assert words.splitlines()[1:] == ["- sources: is required."]


def test_of_many_names_the_five_nearest_are_listed(tmp_path):
    words = refusal(tmp_path, f"{GOOD}currenci: GBP\n")
    assert re.search(r"Did you mean currency( or \w+)?\? The nearest of \d\d: currency(, \w+){4}\.$", words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\n\tcurrency: GBP", "line 2: the line is indented with a tab"),
        ("name: a\n  currency: GBP", "line 2: the line is indented although the line above already has a value"),
        ("a:\n  b:\n    c: 1\n   d: 2", "line 4: the indentation fits none of the lines above"),
        ("a:\n  b: Total: net", "line 2: a value holds a colon and a blank, which mark a key. Put it in quotes"),
        ("a: ? x", "line 1: a value cannot begin with ?. Put it in quotes"),
        ("a: @id", "line 1: a value cannot begin with @. Put it in quotes"),
        ("a: 1\nb: %s", "line 2: a value cannot begin with %. Put it in quotes"),
        ("name: a\nb: [1, 2\nc: 3", "line 2: a list or mapping in brackets is not closed: ] is missing"),
        ("a: 1\nb: 'it\nc: 3", "line 2: a quote is opened and not closed"),
        ("a: Order #\nb: 1", "line 1: a # after a blank begins a comment, which cuts the value"),
    ],
)
def test_yaml_that_cannot_be_read_is_described_in_plain_words(tmp_path, text, words):
    assert words in refusal(tmp_path, text)


def test_a_column_that_follows_from_others_cannot_be_a_segment_and_the_message_says_why(tmp_path):
    text = """name: Test
currency: GBP
sources: {deals: {file: deals.csv}}
tables:
  leads: {source: deals, columns: {lead_id: No, created_at: Created, stage: Stage, closed_at: Closed}}
segments: {won: {column: leads.won_at, years: [1]}}
"""
    (tmp_path / "test.yml").write_text(text)
    with pytest.raises(
        InputError, match=r"segments.won.column: leads.won_at follows from stage and closed_at and is no"
    ):
        load_client("test", tmp_path)


def test_a_personal_column_cannot_be_a_segment(tmp_path):
    text = GOOD.replace("source: o\n", "source: o\n    personal: [region]\n") + "segments: {r: {column: orders.region}}"
    assert "orders.region is declared personal" in refusal(tmp_path, text)


def test_an_attribute_like_a_mapped_column_is_the_clients_own(tmp_path):
    """`amount2` is like `amount`, but `amount` is mapped: it cannot be a slip."""
    assert "amount2" in load(tmp_path, GOOD.replace("region:", "amount2:")).tables["orders"].columns


SURVEY = """
  survey_responses:
    source: o
    columns: {response_id: No, survey: S, responded_at: At, satisfied: Q1}
"""


def test_items_must_be_mapped_and_may_not_hide_a_column(tmp_path):
    words = refusal(tmp_path, f"{GOOD}{SURVEY}items: {{satisfid: {{scale: [1, 5]}}, comment: {{scale: [1, 5]}}}}")
    assert "items.satisfid: no column is mapped to this item" in words
    assert "Did you mean satisfied?" in words
    assert "items.comment: 'comment' is already a column of survey_responses" in words


def test_contractual_churn_needs_the_time_of_leaving(tmp_path):
    customers = "  customers: {source: o, columns: {customer_id: C}}\n"
    words = refusal(tmp_path, f"{GOOD}{customers}churn: {{kind: contractual, table: customers}}")
    assert "customers shows churn by left_at, which is not mapped in tables.customers.columns" in words


def test_the_corner_shop_copied_elsewhere_still_loads(tmp_path):
    shutil.copy(PARAMETERS / "corner_shop.yml", tmp_path / "my_shop.yml")
    client = load_client("my_shop", tmp_path)
    assert (client.id, client.cutoff.isoformat()) == ("my_shop", "2026-01-01T00:00:00")
