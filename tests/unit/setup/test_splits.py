"""Cells with several of a few words become an attribute and its flags; prose, keys and personal data do not."""

from crmnb.schema.client import load_client
from crmnb.setup.project_files import write_parameters

_VISITS = ("Repair;Advice", "Advice", "Repair", "Advice; Repair;Return", "Return", "Repair")
_HEAD = "ticket id,opened,came for,notes,contacts,e-mail\n"


def split_of(folder, cells):
    (folder / "parameters").mkdir()
    (folder / "desk").mkdir()
    lines = "".join(
        f"T{n},2025-01-{n + 1:02} 10:00,{cell},went well; call {n},{n}1;{n}2,p{n}@x.example;q{n}@x.example\n"
        for n, cell in enumerate(cells)
    )
    (folder / "desk/tickets.csv").write_text(_HEAD + lines)
    write_parameters(folder, [folder / "desk/tickets.csv"], "desk")
    text = (folder / "parameters/desk.yml").read_text().replace("# currency: EUR", "currency: EUR")
    (folder / "parameters/desk.yml").write_text(text)
    return load_client("desk", folder / "parameters").tables["tickets"]


def test_a_list_of_words_is_split_into_flags(tmp_path):
    tickets = split_of(tmp_path, _VISITS)
    assert tickets.columns["came_for"] == "came for"
    [(name, split)] = tickets.split.items()
    assert (name, split.separator) == ("came_for", ";")
    assert split.flags == {"came_for_advice": "Advice", "came_for_repair": "Repair", "came_for_return": "Return"}


def test_single_words_are_not_split(tmp_path):
    assert split_of(tmp_path, ["Repair", "Advice", "Repair"]).split == {}
