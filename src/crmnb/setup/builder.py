"""From the profiles of a client's files to a draft of its parameters file."""

import re
from collections.abc import Sequence

import yaml

from crmnb.core.errors import InputError, escape_unprintable
from crmnb.schema.tables import TABLES
from crmnb.setup.answers import Answers
from crmnb.setup.client_settings import add_settings
from crmnb.setup.draft import Draft, Line, Question, SourceDraft, TableDraft
from crmnb.setup.file_profile import FileProfile
from crmnb.setup.formats import add_formats
from crmnb.setup.items import add_items, has_items
from crmnb.setup.presets import Preset, present, recognise, tables_of
from crmnb.setup.proposal import DOUBTFUL, NEARLY_ALL, SURE, Proposal, propose_columns, propose_table
from crmnb.setup.recodes import add_recodes
from crmnb.setup.rows import add_row_rules
from crmnb.setup.splits import add_splits
from crmnb.setup.values import normalised
from crmnb.setup.vocabulary import file_names, is_personal_name, likeness, names_of
from crmnb.setup.yaml_text import scalar

_LONGEST_KEY = 60  # characters; longer texts are prose


def build_draft(profiles: Sequence[FileProfile], answers: Answers) -> Draft:
    """The draft for a client's files.

    Raises InputError if none of the files holds a table that can be recognised and none is named by an answer.
    """
    draft = Draft()
    for profile in profiles:
        source = SourceDraft(_source_name(profile, draft), profile)
        preset = recognise(profile)
        tables = _preset_tables(draft, source, preset) if preset else _proposed_tables(source, answers)
        tables = [table for table in tables if _is_free(table, draft, source)]
        draft.sources.append(source)
        draft.tables += tables
        for table in tables:
            _complete(draft, source, table, preset, answers)
        source.personal = _personal_headers(profile, preset)
        _drop_personal(source, tables)
        for table in tables:
            add_splits(source, table)
        add_formats(source, tables, answers)
    add_settings(draft, answers)
    return draft


def _source_name(profile: FileProfile, draft: Draft) -> str:
    stem = re.sub(r"\W+", "_", normalised(profile.path.name.split(".")[0]), flags=re.ASCII).strip("_") or "file"
    name = stem if stem[0].isalpha() else f"file_{stem}"
    name = re.sub(r"_\d{4,}$", "", name)[:40]
    names = {source.name for source in draft.sources}
    return name if name not in names else next(n for i in range(2, 1000) if (n := f"{name}_{i}") not in names)


def _preset_tables(draft: Draft, source: SourceDraft, preset: Preset) -> list[TableDraft]:
    source.product = preset["product"]
    for option, value in preset.get("source", {}).items():
        source.options[option] = Line(value, preset.get("why", {}).get(option, ""))
    if "churn" in preset:
        draft.settings["churn"] = Line(preset["churn"], preset.get("why", {}).get("churn", ""))
    for name, item in preset.get("items", {}).items():
        draft.items[name] = Line(item)
    return tables_of(preset, source.profile, source.name)


def _proposed_tables(source: SourceDraft, answers: Answers) -> list[TableDraft]:
    """The table that a file holds by its names and values; a survey also if its questions are recognised."""
    proposal, candidates = propose_table(source.profile)
    survey = _survey(source.profile)
    if survey and (proposal is None or proposal.table not in ("orders", "leads", "tickets", "reviews")):
        proposal = survey
    if proposal is None:
        names = tuple(candidate.table for candidate in candidates)
        shown = escape_unprintable(source.profile.path.name)
        question = Question(f"table.{source.name}", f"which table {shown} holds", "", (*names, "none"))
        answer = answers.get(question if names else Question(question.key, question.text, "", (*TABLES, "none")))
        if answer is None or answer == "none":
            source.options["unrecognised"] = Line(_reasons(candidates))
            return []
        proposal = propose_columns(source.profile, answer)
    return [_as_table(proposal, source)]


def _reasons(candidates: Sequence[Proposal]) -> str:
    if not candidates:
        return "no table fits its columns"
    return "; ".join(
        f"{c.table} {f'lacks {chr(44).join(c.missing)}' if c.missing else f'fits with {c.score:.1f}'}"
        for c in candidates[:3]
    )


def _survey(profile: FileProfile) -> Proposal | None:
    """The proposal of a survey if some column is a question about satisfaction, recommendation or effort."""
    from crmnb.setup.items import _is_scaled, _kind_of, _worded_scale

    survey_questions = [
        column
        for column in profile.columns
        if column.values
        and _kind_of(f"{column.label} {column.header}")
        and (_worded_scale(column) or _is_scaled(column))
    ]
    proposal = propose_columns(profile, "survey_responses")
    is_survey = survey_questions and set(proposal.missing) <= {"response_id"}
    return proposal if is_survey and not _is_of_employees(profile) else None


def _is_of_employees(profile: FileProfile) -> bool:
    """Whether a survey may be one of employees: by the name of its file, or by a column of their teams."""
    teams = (*names_of("employee_responses", "team"), *names_of("employee_responses", "enps"))
    words = set(normalised(profile.path.stem).split())
    named = words & set(file_names("employee_responses"))
    return bool(named) or any(likeness(column.header, teams)[0] >= SURE for column in profile.columns)


def _as_table(proposal: Proposal, source: SourceDraft) -> TableDraft:
    table = TableDraft(proposal.table, source.name, dict(proposal.columns))
    for column, line in proposal.doubtful.items():
        question = Question(
            f"column.{proposal.table}.{column}",
            f"is {column} the column {line.value!r}? ({line.why}; score {line.score})",
            f"{column}: {scalar(line.value)}",
        )
        table.questions.append(question)
    if own_key := _missing_key(proposal):
        if candidates := _key_candidates(source.profile, table):
            text = f"is the key {own_key} the column {candidates[0]!r}? (each row has another value; score {DOUBTFUL})"
            question = Question(f"column.{table.name}.{own_key}", text, f"{own_key}: {scalar(candidates[0])}")
            table.questions.append(question)
        else:
            table.columns[own_key] = Line({"row_number": True}, "the file has no key: file and record number")
    return table


def _missing_key(proposal: Proposal) -> str:
    """The key of a table that no header of the file was recognised as; "" if there is one, or one that is asked about."""
    (own, *others) = TABLES[proposal.table].key or ("",)
    is_missing = own in proposal.missing and own not in proposal.doubtful
    return own if is_missing and not others and own.endswith("_id") and own != "customer_id" else ""


def _key_candidates(profile: FileProfile, table: TableDraft) -> list[str]:
    """The headers without a column whose values are as those of a key: each row has another one."""
    used = {line.value for line in table.columns.values() if isinstance(line.value, str)}
    return [
        column.header
        for column in profile.columns
        if column.header not in used
        and column.distinct >= NEARLY_ALL
        and not column.times
        and not column.personal
        and not (column.numbers and not column.numbers.is_whole)
        and max(map(len, column.values)) <= _LONGEST_KEY
    ]


def _is_free(table: TableDraft, draft: Draft, source: SourceDraft) -> bool:
    """Whether no other file holds the table already; a second one is told of."""
    if all(other.name != table.name for other in draft.tables):
        return True
    source.options["unrecognised"] = Line(f"{table.name} is already made from another file")
    return False


def _complete(draft: Draft, source: SourceDraft, table: TableDraft, preset: Preset | None, answers: Answers) -> None:
    """Add the answers about columns, the survey items, the recodings and the rules for rows."""
    for question in list(table.questions):
        _, _, column = question.key.rpartition(".")
        proposed = yaml.safe_load(question.line)[column]
        answer = answers.get(question)
        if answer is not None:
            header = proposed if answer.lower() in ("yes", "y") else answer
            if header in source.profile.by_header:
                table.columns[column] = Line(header, "as answered")
            elif answer.lower() not in ("no", "n"):
                raise InputError(
                    f"--answer {question.key}={answer}: the file has no such column. Answer yes, no or a header."
                )
            table.questions.remove(question)
    if table.query:
        return
    wants_items = preset["tables"][table.name].get("has_items") if preset else has_items(table.name)
    if wants_items:
        mapped = [line.value for line in table.columns.values() if isinstance(line.value, str)]
        used = {present(header, source.profile.by_header) for header in (preset or {}).get("headers", [])}
        personal = {present(header, source.profile.by_header) for header in (preset or {}).get("personal", [])}
        add_items(draft, table, source.profile, [*mapped, *filter(None, used | personal)], answers)
    add_recodes(source, table, answers)
    add_row_rules(source, table, answers)


def _personal_headers(profile: FileProfile, preset: Preset | None) -> tuple[str, ...]:
    """The headers of personal columns: by the preset, by their names, or by their values."""
    declared = {present(header, profile.by_header) for header in (preset or {}).get("personal", [])}
    named = set() if preset else {c.header for c in profile.columns if is_personal_name(c.header)}
    valued = {column.header for column in profile.columns if column.personal}
    personal = declared | named | valued
    return tuple(column.header for column in profile.columns if column.header in personal and "." not in column.header)


def _drop_personal(source: SourceDraft, tables: Sequence[TableDraft]) -> None:
    """Leave out columns with personal data, except keys."""
    for table in tables:
        for name, line in list(table.columns.items()):
            declared = TABLES[table.name].by_name.get(name)
            is_key = declared is not None and (declared.type == "key" or declared.required)
            if isinstance(line.value, str) and line.value in source.personal and not is_key:
                del table.columns[name]
