"""From files and answers to a new parameters file in a project."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.core.files import write_atomic
from crmnb.core.paths import is_client_name
from crmnb.schema.client.sources import ENDINGS
from crmnb.setup.answers import Answers, Ask
from crmnb.setup.builder import build_draft
from crmnb.setup.document import SCHEMA_FILE, schema_text, write_document
from crmnb.setup.draft import Draft, Line, Question
from crmnb.setup.file_profile import profile_file
from crmnb.setup.grouping import grouped
from crmnb.setup.values import normalised


@dataclass(frozen=True)
class Written:
    """A parameters file that was written: its client, its path, what it proposes, and the questions without an answer."""

    client: str
    path: Path
    draft: Draft
    questions: tuple[Question, ...]


def write_parameters(
    project: Path,
    paths: Iterable[Path],
    name: str = "",
    answers: Mapping[str, str] | None = None,
    ask: Ask | None = None,
) -> Written:
    """Write the parameters file of a new client from its files; a folder stands for the files in it.

    name: of the client, by default that of the folder of the first file. answers: by key. ask: shows a question and returns the
    answer, None where nobody can be asked. Raises InputError for files that cannot be read, for an answer that is not allowed, and
    if the parameters file exists: nothing is overwritten.
    """
    files = _files(paths)
    client = _client_name(name or files[0].resolve().parent.name, is_given=bool(name))
    target = project / "parameters" / f"{client}.yml"
    if target.exists():
        raise InputError(f"{target} exists and is not overwritten. Choose another name with --name, or edit the file.")
    dialogue = Answers(answers or {}, ask)
    draft = build_draft(grouped([profile_file(path) for path in files]), dialogue)
    draft.answered = {key: answer for key, answer in dialogue.known.items() if answer is not None}
    dialogue.check_used()
    if not draft.tables:
        questions = "; ".join(f"{s.profile.path.name}: {s.options['unrecognised'].value}" for s in draft.sources)
        keys = ", ".join(f"--answer table.{source.name}=TABLE" for source in draft.sources)
        raise InputError(
            f"No table was recognised ({questions}). Say which it is: {keys}. `crmnb columns` lists the tables."
        )
    zone = draft.settings["time_zone"].value
    for table in draft.tables:
        table.query = table.query.replace("{time_zone}", zone if isinstance(zone, str) else "UTC")
    text = write_document(draft, name or client.replace("_", " ").capitalize(), target.parent.resolve(), date.today())  # noqa: DTZ011 -- the day of the user's clock
    with target.open("x", encoding="utf-8") as file:
        file.write(text)
    write_atomic(target.parent / SCHEMA_FILE, schema_text())
    return Written(client, target, draft, _open_questions(draft))


def _files(paths: Iterable[Path]) -> list[Path]:
    """The files, without those of a folder that have no known ending. Raises InputError if there are none."""
    entries: list[Path] = []
    for path in paths:
        if path.is_dir():
            known = (*ENDINGS, ".json")
            entries += sorted(
                file
                for file in path.iterdir()
                if file.suffix.lower() in known and not file.name.startswith(("~$", "."))
            )
        else:
            entries.append(path)
    if not entries:
        raise InputError(
            "There is no file to read: name the client's files, or a folder with CSV, Excel, JSON or Parquet files."
        )
    return [path.absolute() for path in dict.fromkeys(entries)]


def _client_name(text: str, *, is_given: bool) -> str:
    name = re.sub(r"\W+", "_", normalised(text), flags=re.ASCII).strip("_")
    name = name if name[:1].isalpha() else f"client_{name}".rstrip("_")
    if not is_client_name(name):
        origin = "--name" if is_given else "the folder's name"
        raise InputError(f"{origin}: no client may be named {name!r}. Choose another name with --name.")
    return name


def _open_questions(draft: Draft) -> tuple[Question, ...]:
    """The questions without an answer, in the order of the file."""
    lines: list[Line] = [
        *draft.settings.values(),
        *(line for source in draft.sources for line in source.options.values()),
    ]
    entries = [line.value for line in lines if isinstance(line.value, Question)]
    return (*entries, *draft.open, *(question for table in draft.tables for question in table.questions))
