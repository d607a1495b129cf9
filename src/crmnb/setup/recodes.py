"""The recoding of a file's words to the allowed values of a column: by known words, by what the amounts show, or asked."""

from crmnb.schema.tables import TABLES
from crmnb.setup.answers import Answers
from crmnb.setup.draft import Line, Question, SourceDraft, TableDraft
from crmnb.setup.file_profile import FileProfile
from crmnb.setup.values import normalised
from crmnb.setup.vocabulary import codes_of

_MOST_WORDS = 30


def add_recodes(source: SourceDraft, table: TableDraft, answers: Answers) -> None:
    """Add the recoding of columns with allowed values. A word of which nobody knows the meaning stays a question."""
    for column in TABLES[table.name].columns:
        header = table.header_of(column.name)
        codes = codes_of(table.name, column.name)
        if header is None or not (codes or column.one_of) or header not in source.profile.by_header:
            continue
        allowed = tuple(dict.fromkeys(codes.values())) or column.one_of
        known = table.values.get(column.name, {})
        words = source.profile.by_header[header].sample
        if len(words) > _MOST_WORDS:
            continue
        recoded = dict(known)
        for word in words:
            if word in known or word in allowed or word in column.one_of:
                continue
            spelled = {normalised(theirs): ours for theirs, ours in known.items()}
            meaning = spelled.get(normalised(word)) or codes.get(normalised(word))
            if meaning is None and _is_refunded(source.profile, table, column.name, header, word):
                meaning = "refunded"
                table.columns[column.name] = Line(header, f"{word}: all its rows are refunded in full")
            if meaning is None:
                meaning = _ask(table, column.name, word, allowed, answers)
            if meaning:
                recoded[word] = meaning
        if recoded:
            table.values[column.name] = recoded


def _ask(table: TableDraft, column: str, word: str, allowed: tuple[str, ...], answers: Answers) -> str | None:
    question = Question(
        f"{column}.{word}", f"what the {column} {word!r} of {table.name} means", f"{word}: ...", allowed
    )
    answer = answers.get(question)
    if answer is None:
        table.questions.append(question)
    return answer


def _is_refunded(profile: FileProfile, table: TableDraft, column: str, header: str, word: str) -> bool:
    """Whether all rows with a status are orders whose whole amount was refunded."""
    amount, refunded = table.header_of("amount"), table.header_of("refunded_amount")
    if (table.name, column) != ("orders", "status") or not amount or not refunded:
        return False
    of_word = [(status, value) for status, value in profile.pairs(header, amount)]
    repaid = [value for _, value in profile.pairs(header, refunded)]
    pairs = [(value, back) for (status, value), back in zip(of_word, repaid, strict=True) if status == word]
    return bool(pairs) and all(value == back and value.strip("0.,") for value, back in pairs)
