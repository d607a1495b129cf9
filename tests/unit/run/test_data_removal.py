"""`crmnb purge` and `crmnb forget` remove all stored data of a client or a customer, and nothing else."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from conftest import crmnb
from crmnb.core.checksum import write_json
from crmnb.core.errors import InputError
from crmnb.core.notes import Note
from crmnb.core.paths import private_folder
from crmnb.intake import ImportRefused
from crmnb.report.text.quotes import quotes_block
from crmnb.run import data_removal
from crmnb.run.data_import import import_client_data
from crmnb.run.data_removal import forget, preview_purge, purge
from crmnb.run.lock import ClientLocked, client_lock
from crmnb.schema.client import load_client
from crmnb.schema.tables import TABLES

KEY = "Q7Z91X"  # of the customer to be forgotten: it stands nowhere by chance

SHOP = """
name: Shop
currency: GBP
sources: {people: {file: people.csv}, orders: {file: orders.csv}, answers: {file: answers.csv}}
tables:
  customers: {source: people, columns: {customer_id: Id, referred_by: By, region: Region}, bad_rows_allowed: 1}
  orders:
    source: orders
    columns: {order_id: No, customer_id: Customer, ordered_at: Ordered, amount: Total, status: Status, category: What}
    bad_rows_allowed: 1
  survey_responses:
    source: answers
    columns: {response_id: Sheet, survey: Survey, customer_id: Who, responded_at: At, order_id: Order, comment: Comment}
    bad_rows_allowed: 1
"""
PEOPLE = f"Id,By,Region\na,,North\n{KEY},a,North\nb,{KEY},South\n"
ORDERS = (
    f"No,Customer,Ordered,Total,Status,What\n1,a,2025-01-01,1,paid,bread\n2,{KEY},2025-01-02,2,paid,wine\n"
    f"3,{KEY},2025-02-31,3,paid,wine\n4,b,2025-02-30,4,paid,bread\n5,{KEY},2025-03-01\n6,b,2025-03-01,1,lost,bread\n"
)
ANSWERS = f"Sheet,Survey,Who,At,Order,Comment\nx,s,{KEY},2025-01-05,2,I am {KEY}\ny,s,,2025-01-06,2,fine\nz,s,a,2025-01-06,1,fine\n"


@pytest.fixture(scope="module")
def checked(tmp_path_factory) -> Path:
    """A project whose client was checked, with what a run leaves, and a customer in every place there is."""
    folder = tmp_path_factory.mktemp("checked") / "project"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "parameters").mkdir()
    for name, text in (("shop.yml", SHOP), ("people.csv", PEOPLE), ("orders.csv", ORDERS), ("answers.csv", ANSWERS)):
        (folder / "parameters" / name).write_text(text)
    private = private_folder(folder, "shop")
    read(folder)
    (private / "check.html").write_text(KEY)
    stored = private / "runs" / "2025" / "retention"
    stored.mkdir(parents=True)
    (stored / "notebook.ipynb").write_text(f'{{"cells": "{KEY}"}}')
    (private / "notebooks" / "2024").mkdir(parents=True)
    (private / "notebooks" / "2024" / "old.ipynb").write_text(KEY)
    (private / "run.log").write_text(KEY)
    write_json(stored.parent / "report.json", {"period": "2025", "made_at": "2026-01-01T00:00:00+00:00"})
    record = {"client": "shop", "name": "Shop", "status": "refused", "message": f"such as '{KEY}'"}
    write_json(private / "run.json", record)
    for period in ("2024", "2025"):
        (folder / "outputs" / "shop" / period).mkdir()
        (folder / "outputs" / "shop" / period / "index.html").write_text("<p>81.7 %")
    return folder


@pytest.fixture
def shop(checked, tmp_path) -> Path:
    """A copy of it to work on."""
    return shutil.copytree(checked, tmp_path / "project")


def read(shop: Path) -> None:
    """Take the client's files in, as a run and a check do."""
    import_client_data(load_client("shop", shop / "parameters"), private_folder(shop, "shop"))


def holding(folder: Path, text: str) -> list[str]:
    """The files under a folder in which a text stands: as they are, unpacked, or in a cell of a Parquet file."""
    paths = []
    for path in (path for path in sorted(folder.rglob("*")) if path.is_file()):
        contents = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as book:
                contents += [book.read(name) for name in book.namelist()]
        if contents[0][:2] == b"\x1f\x8b":
            contents.append(gzip.decompress(contents[0]))
        if path.suffix == ".parquet":
            contents.append(str(duckdb.read_parquet(str(path)).fetchall()).encode())
        if any(text.encode() in content for content in contents):
            paths.append(str(path.relative_to(folder)))
    return paths


def tables(shop: Path) -> dict[str, int]:
    """The rows of each stored table of the client's."""
    paths = (shop / "outputs" / "shop" / ".private" / "tables").glob("*/*.parquet")
    of_client = [path for path in paths if not TABLES[path.stem].by_import]
    return {path.stem: len(duckdb.read_parquet(str(path)).fetchall()) for path in of_client}


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- A person ---------------------------------------------------------------------------------------------


def test_before_the_customer_stands_in_every_place(shop):
    """Or the tests below could not fail."""
    places = "\n".join(holding(shop / "outputs", KEY))
    for place in ("customers.parquet", "orders.parquet", "survey_responses.parquet", "orders.csv", "orders.xlsx"):
        assert place in places
    for place in ("notebook.ipynb", "old.ipynb", "run.log", "run.json", "check.html"):
        assert place in places


def test_the_customer_is_erased_from_everything_and_the_removal_is_reported(shop, capfd):
    removal = forget(shop, "shop", KEY)
    assert holding(shop / "outputs", KEY) == []
    assert removal.rows == {"customers": 1, "orders": 1, "survey_responses": 2}
    assert removal.quarantined == {"orders.csv": 2}
    assert removal.files > 5
    assert "2024, 2025" in removal.notes[0]
    assert KEY not in str(removal)
    assert tables(shop) == {"customers": 2, "orders": 1, "survey_responses": 1}
    assert KEY not in "".join(capfd.readouterr())


def test_what_is_not_the_customers_stays(shop):
    own, stored = everything(shop / "parameters"), shop / "outputs" / "shop"
    forget(shop, "shop", KEY)
    assert everything(shop / "parameters") == own
    assert (stored / "2025" / "index.html").read_text() == "<p>81.7 %"
    assert json.loads((stored / ".private" / "runs" / "2025" / "report.json").read_text())["period"] == "2025"
    record = json.loads((stored / ".private" / "run.json").read_text())
    assert (record["status"], record["name"]) == ("refused", "Shop")
    assert "when a customer was erased" in record["message"]
    quarantine = next((stored / ".private" / "tables").glob("*/quarantine/orders.csv")).read_text()
    assert "4,b,2025-02-30,4,paid,bread" in quarantine.replace('"', "")


def test_it_lasts_whatever_is_delivered_next(shop):
    forget(shop, "shop", KEY)
    (shop / "parameters" / "orders.csv").write_text(
        ORDERS + f"7,{KEY},2025-04-01,1,paid,wine\n8,a,2025-04-01,1,paid,wine\n"
    )
    assert crmnb(shop, "check", "shop") == 0
    assert holding(shop / "outputs", KEY) == []
    assert tables(shop)["orders"] == 2
    page = (shop / "outputs" / "shop" / ".private" / "check.html").read_text()
    assert "4 rows are excluded (customers on the erasure list)" in page


@pytest.mark.parametrize("lost", ["people.csv orders.csv answers.csv", "orders.csv", "shop.yml"])
def test_where_the_files_are_not_there_nothing_of_the_customer_stays_either(shop, lost):
    stored = {name: (shop / "parameters" / name).read_text() for name in lost.split()}
    for name in stored:
        (shop / "parameters" / name).unlink()
    removal = forget(shop, "shop", KEY)
    assert removal.rows == {"customers": 1, "orders": 1, "survey_responses": 2}
    assert "The tables are missing now" in " ".join(removal.notes)
    assert holding(shop / "outputs", KEY) == []
    for name, text in stored.items():
        (shop / "parameters" / name).write_text(text)
    read(shop)
    assert holding(shop / "outputs", KEY) == []
    assert tables(shop) == {"customers": 2, "orders": 1, "survey_responses": 1}


def test_a_refused_intake_leaves_nothing_of_the_customer(shop):
    path = shop / "parameters" / "shop.yml"
    path.write_text(path.read_text().replace("bad_rows_allowed: 1", "bad_rows_allowed: 0"))
    with pytest.raises(ImportRefused):
        read(shop)
    assert any("refused" in place for place in holding(shop / "outputs", KEY))
    removal = forget(shop, "shop", KEY)
    assert "crmnb check shop" in " ".join(removal.notes)
    assert holding(shop / "outputs", KEY) == []


def test_a_report_that_lists_the_customer_goes_and_the_others_stay(shop):
    page = shop / "outputs" / "shop" / "2024" / "retention.html"
    page.write_text(f"<table><tr><td>{KEY}</td><td>0.71</td></tr></table>")
    removal = forget(shop, "shop", KEY)
    assert holding(shop / "outputs", KEY) == []
    assert not page.parent.exists()
    assert (shop / "outputs" / "shop" / "2025" / "index.html").exists()
    assert removal.periods == ("2024",)
    assert "2024" in removal.notes[0]
    assert "2025" in removal.notes[1]


def test_a_report_with_quotes_goes_as_any_of_them_may_be_the_customers(shop):
    page = shop / "outputs" / "shop" / "2024" / "feedback.html"
    page.write_text(
        str(
            quotes_block(
                SimpleNamespace(notes=(Note("quote", theme="", text="words of a customer"),), client=None)
            ).markup
        )
    )
    assert forget(shop, "shop", KEY).periods == ("2024",)
    assert not page.exists()


def test_a_report_that_lists_somebody_else_stays(shop):
    page = shop / "outputs" / "shop" / "2024" / "retention.html"
    page.write_text(f"<table><tr><td>{KEY}9</td><td>0.71</td></tr></table>")
    assert forget(shop, "shop", KEY).periods == ()
    assert page.exists()


def test_an_unknown_key_is_reported_and_goes_to_the_erasure_list(shop):
    before = tables(shop)
    removal = forget(shop, "shop", "nobody")
    assert (removal.rows, removal.quarantined) == ({}, {})
    assert removal.notes[0].startswith("The stored data have no rows of this customer")
    assert tables(shop) == before
    (shop / "parameters" / "people.csv").write_text(PEOPLE + "nobody,,North\n")
    read(shop)
    assert tables(shop) == before


def test_two_forgotten_one_after_the_other_are_both_gone(shop):
    forget(shop, "shop", KEY)
    assert forget(shop, "shop", "b").rows == {"customers": 1}
    assert tables(shop) == {"customers": 1, "orders": 1, "survey_responses": 1}
    assert forget(shop, "shop", KEY).rows == {}


@pytest.mark.parametrize("step", ["_stored_rows", "_clear", "_delete", "_reimport", "_write_portfolio"])
def test_one_that_was_killed_at_any_step_is_finished_by_the_next_and_lasts_till_then(shop, step):
    program = (
        "import os, signal, sys; from pathlib import Path; from crmnb.run import data_removal\n"
        "setattr(data_removal, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))\n"
        "data_removal.forget(Path(sys.argv[1]), 'shop', sys.argv[3])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(shop), step, KEY])  # noqa: S603
    assert done.returncode == -9
    forget(shop, "shop", KEY)
    assert holding(shop / "outputs", KEY) == []
    assert tables(shop) == {"customers": 2, "orders": 1, "survey_responses": 1}


def test_nobody_is_erased_during_a_run(shop):
    before = everything(shop / "outputs")
    with client_lock(shop / "outputs" / "shop" / ".private"), pytest.raises(ClientLocked):
        forget(shop, "shop", KEY)
    assert everything(shop / "outputs").keys() == before.keys() | {"shop/.private/run.lock"}


@pytest.mark.parametrize("key", ["", "  ", "\udcff", "a\nb\x00"])
def test_a_key_that_is_none_is_refused(shop, key):
    with pytest.raises(InputError, match="empty or not text"):
        forget(shop, "shop", key)


def test_damaged_records_stop_nothing(shop):
    private = shop / "outputs" / "shop" / ".private"
    (private / "run.json").write_text("{")
    next((private / "tables").glob("*/orders.parquet")).write_text(KEY)
    next((private / "tables").glob("*/intake.json")).write_text("{")
    (private / "runs" / "2024").write_text(KEY)
    removal = forget(shop, "shop", KEY)
    assert "customers" in removal.rows
    assert holding(shop / "outputs", KEY) == []


# ---- A client ---------------------------------------------------------------------------------------------


def test_purging_removes_all_of_a_client_and_nothing_else(shop):
    own = everything(shop / "parameters")
    private_folder(shop, "other")
    with client_lock(shop / "outputs" / "shop" / ".private"):
        pass  # leaves its file
    files = [path for path in (shop / "outputs" / "shop").rglob("*") if path.is_file()]
    expected = ("2024", "2025"), len(files), sum(path.stat().st_size for path in files)
    for removal in (preview_purge(shop, "shop"), purge(shop, "shop")):
        assert (removal.periods, removal.files, removal.bytes) == expected
    assert {path.name for path in (shop / "outputs").iterdir()} == {"other", "index.html", ".lock"}
    assert everything(shop / "parameters") == own
    assert "parameters/shop.yml" in removal.notes[0]
    page = (shop / "outputs" / "index.html").read_text()
    assert ">other<" in page
    assert ">shop<" not in page


@pytest.mark.parametrize("text", [None, "{", "name: [", "sources: 3"])
def test_a_client_whose_parameters_are_wrong_or_gone_is_purged_too(shop, text):
    path = shop / "parameters" / "shop.yml"
    path.unlink() if text is None else path.write_text(text)
    assert purge(shop, "shop").files > 5
    assert not (shop / "outputs" / "shop").exists()


def test_purging_says_that_it_deletes_the_erasure_list(shop):
    assert "erasure list" not in " ".join(preview_purge(shop, "shop").notes)
    forget(shop, "shop", KEY)
    assert (
        "also deletes the erasure list: a new run on the same files would import the erased customers again"
        in " ".join(purge(shop, "shop").notes)
    )


def test_links_are_removed_and_not_followed(shop, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    (shop / "outputs" / "shop" / "2023").symlink_to(mine)
    (shop / "outputs" / "shop" / ".private" / "linked").symlink_to(mine / "file")
    purge(shop, "shop")
    (shop / "outputs" / "shop").symlink_to(mine)
    assert purge(shop, "shop").files == 1
    assert not (shop / "outputs" / "shop").is_symlink()
    (shop / "outputs" / "shop").mkdir()
    (shop / "outputs" / "shop" / ".private").symlink_to(mine)
    purge(shop, "shop")
    assert everything(mine) == {"file": b"mine"}


def test_forgetting_follows_no_link_either(shop, tmp_path):
    private, mine = shop / "outputs" / "shop" / ".private", tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    (private / "linked").symlink_to(mine)
    (private / "runs" / "2023").symlink_to(mine)
    forget(shop, "shop", KEY)
    private.rename(tmp_path / "private")
    private.symlink_to(mine)
    with pytest.raises(InputError, match="is a link"):
        forget(shop, "shop", KEY)
    assert everything(mine) == {"file": b"mine"}


@pytest.mark.parametrize(
    "name", ["..", "", ".", "../shop", "shop/2025", "/etc", ".purged-shop", "Shop", "shop\n", "a" * 5000 + "/"]
)
@pytest.mark.parametrize("act", [preview_purge, purge, lambda folder, name: forget(folder, name, KEY)])
def test_a_name_is_checked_before_it_is_a_path(shop, name, act):
    before = everything(shop)
    with pytest.raises(InputError, match="is not a valid name"):
        act(shop, name)
    assert everything(shop) == before


def test_a_client_that_is_not_there_is_an_error_that_names_the_nearest(shop):
    for act in (purge, lambda folder, name: forget(folder, name, KEY)):
        with pytest.raises(InputError, match="Did you mean shop"):
            act(shop, "shopp")
    assert purge(shop, "shop").files > 5
    assert purge(shop, "shop").files == 0  # its parameters file is there, so the name is no slip


def test_nothing_is_purged_during_a_run(shop):
    with client_lock(shop / "outputs" / "shop" / ".private"), pytest.raises(ClientLocked):
        purge(shop, "shop")
    assert (shop / "outputs" / "shop" / "2025" / "index.html").exists()


def test_a_purge_that_was_killed_shows_nothing_half_and_is_finished_by_the_next(shop, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(data_removal.shutil, "rmtree", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            purge(shop, "shop")
    assert not (shop / "outputs" / "shop").exists()
    assert holding(shop / "outputs", KEY)
    private_folder(shop, "shop")  # a run has begun anew since
    (shop / "parameters" / "shop.yml").unlink()
    assert purge(shop, "shop").files > 5
    assert not holding(shop / "outputs", KEY)
    with pytest.raises(InputError, match="has no data of a client"):
        purge(shop, "shop")


def test_forgetting_finishes_it_too(shop):
    aside = shop / "outputs" / ".purged-shop"
    aside.mkdir()
    (aside / "x").write_text(KEY)
    forget(shop, "shop", KEY)
    assert not aside.exists()


# ---- The command ------------------------------------------------------------------------------------------


def test_purge_removes_only_with_yes(shop, capsys):
    before = everything(shop)
    assert crmnb(shop, "purge", "shop") == 2
    output = capsys.readouterr()
    assert "Would remove from shop" in output.out
    assert "2024, 2025" in output.out
    assert "add --yes" in output.err
    assert everything(shop) == before
    assert crmnb(shop, "purge", "shop", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["periods"] == ["2024", "2025"]
    assert not (shop / "outputs" / "shop").exists()


def test_forget_takes_the_key_from_its_input_and_never_shows_it(shop, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115
    assert crmnb(shop, "forget", "shop", "-") == 2
    key = shop / "key.txt"
    key.write_text(f"{KEY}\n")
    monkeypatch.setattr(sys, "stdin", key.open())
    assert crmnb(shop, "forget", "shop", "-") == 0
    output = capsys.readouterr()
    assert "orders: 1 of the customer's rows" in output.out
    assert "quarantine, orders.csv: 2 rows with the key" in output.out
    assert KEY not in output.out + output.err
    assert crmnb(shop, "forget", "shop", KEY, "--json") == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["rows"] == {}
    assert KEY not in output.out + output.err


def test_help_teaches(capsys):
    for command in ("purge", "forget"):
        with pytest.raises(SystemExit):
            crmnb(Path.cwd(), command, "--help")
        output = capsys.readouterr().out
        assert "examples:" in output
        assert "exit codes:" in output


def test_before_the_first_import_the_customer_is_left_out_of_it(shop):
    shutil.rmtree(shop / "outputs")
    removal = forget(shop, "shop", KEY)
    assert (removal.rows, removal.files) == ({}, 0)
    assert tables(shop) == {"customers": 2, "orders": 1, "survey_responses": 1}
    assert holding(shop / "outputs", KEY) == []
