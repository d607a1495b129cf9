"""`crmnb init`, `columns` and `schema` as a user calls them."""

import json

import pytest
import yaml

from crmnb.cli import main
from crmnb.schema.client import load_client
from crmnb.schema.tables import TABLES
from crmnb.setup.project_files import write_parameters

_ORDERS = "order,customer,created,total,status,e-mail\n" + "".join(
    f"{n},{n % 3},2025-{n:02}-15,1{n}.50,paid,person{n}@secret.example\n" for n in range(1, 13)
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a folder of a client, in which commands work."""
    (tmp_path / "parameters/corner").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "parameters/corner/orders.csv").write_text(_ORDERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_is_written_loads_and_is_checked(project, capsys):
    assert (
        main(["init", "parameters/corner/orders.csv", "--answer", "currency=EUR", "--answer", "lost_after_days=90"])
        == 0
    )
    shown = capsys.readouterr().out
    assert "metrics can be measured now" in shown
    assert "One more column would unlock:\n" in shown
    assert "One more table would unlock:\n" in shown
    client = load_client("corner", project / "parameters")
    assert (client.name, client.currency, client.churn.inactivity_days) == ("Corner", "EUR", 90)
    assert client.sources["orders"].file == "corner/orders.csv"
    first = (project / "parameters/corner.yml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=parameters.schema.json"
    assert json.loads((project / "parameters/parameters.schema.json").read_text())["properties"]["sources"]


def test_questions_stand_as_comments_and_nothing_is_guessed(project, capsys):
    assert main(["init", "parameters/corner"]) == 2  # the check says what is missing
    out = capsys.readouterr()
    assert "currency: is required" in out.err
    assert "currency: the currency of the amounts" in out.out
    text = (project / "parameters/corner.yml").read_text()
    assert "# currency: EUR" in text
    assert "(--answer currency=...)" in text
    assert "currency" not in yaml.safe_load(text)


def test_nothing_is_overwritten(project, capsys):
    (project / "parameters/corner.yml").write_text("mine")
    assert main(["init", "parameters/corner"]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert (project / "parameters/corner.yml").read_text() == "mine"


def test_no_value_of_a_personal_column_is_shown(project, capsys):
    main(["init", "parameters/corner", "--answer", "currency=EUR"])
    out = capsys.readouterr()
    text = (project / "parameters/corner.yml").read_text()
    assert "secret.example" not in out.out + out.err + text
    assert yaml.safe_load(text)["sources"]["orders"]["personal"] == ["e-mail"]


def test_a_file_per_month_is_one_source(project):
    folder = project / "parameters/monthly"
    folder.mkdir()
    lines = _ORDERS.splitlines()
    for month in range(1, 4):
        (folder / f"orders-2025-{month:02}.csv").write_text(
            "\n".join([lines[0], *lines[4 * month - 3 : 4 * month + 1]]) + "\n"
        )
    written = write_parameters(project, [folder], answers={"currency": "EUR"})
    client = load_client("monthly", project / "parameters")
    assert [source.file for source in client.sources.values()] == ["monthly/orders-*.csv"]
    assert written.draft.sources[0].profile.rows == 12


def test_files_elsewhere_are_declared(project, tmp_path_factory):
    place = tmp_path_factory.mktemp("elsewhere")
    (place / "orders.csv").write_text(_ORDERS)
    write_parameters(project, [place / "orders.csv"], "other", {"currency": "EUR"})
    client = load_client("other", project / "parameters")
    assert (client.folder / client.data_folders[0]).resolve() == place.resolve()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--answer", "currency=euro"], "three capital letters"),
        (["--answer", "currency"], "KEY=VALUE"),
        (["--answer", "curency=EUR"], "nothing is asked about it. Did you mean currency?"),
        (["--name", "handbook"], "no client may be named 'handbook'"),
        (["nothing.csv"], "no such file"),
    ],
)
def test_wrong_arguments_write_nothing(project, capsys, arguments, words):
    assert main(["init", "parameters/corner/orders.csv", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not list((project / "parameters").glob("*.yml"))


def test_on_a_terminal_questions_are_asked(project):
    asked = []

    def answer(question):
        asked.append(question.key)
        return {"currency": "EUR"}.get(question.key, "")

    written = write_parameters(project, [project / "parameters/corner"], ask=answer)
    assert asked == ["currency", "lost_after_days"]
    assert [question.key for question in written.questions] == ["lost_after_days"]


def test_columns_lists_every_column_with_its_rules_and_metrics(capsys):
    assert main(["columns"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        name for name, table in TABLES.items() if not table.by_import
    ]
    assert main(["columns", "leads"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {column.name}: {column.type}, " in shown for column in TABLES["leads"].columns)
    assert "lead_conversion_rate" in shown
    assert main(["columns", "lead"]) == 2
    assert "Did you mean leads?" in capsys.readouterr().err


def test_the_schema_names_the_keys_and_tables(capsys):
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["properties"]["tables"]["properties"]) == {
        n for n, table in TABLES.items() if not table.by_import
    }
    assert {"name", "currency", "sources"} <= set(schema["required"])
    assert not {"id", "folder"} & set(schema["properties"])
