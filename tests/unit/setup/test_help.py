"""The help of `crmnb init` names every key that a question can have."""

import re
from pathlib import Path

import crmnb.setup
from crmnb.cli.init import ANSWER_KEYS

_PARTS = {"column.TABLE.COLUMN": r"column\.\{.*", "COLUMN.WORD": r"\{column\}\.\{word\}"}


def test_the_help_names_the_key_of_every_question():
    texts = [path.read_text(encoding="utf-8") for path in Path(crmnb.setup.__file__).parent.glob("*.py")]
    keys = {key for text in texts for key in re.findall(r'Question\(\s*f?"([^"]+)"', text)}
    assert len(keys) > 10
    forms = [re.compile(_PARTS.get(key) or re.sub("[A-Z]+", ".+", re.escape(key))) for key in ANSWER_KEYS]
    assert [key for key in keys if not any(form.fullmatch(key) for form in forms)] == []
    found = {key for key, form in zip(ANSWER_KEYS, forms, strict=True) if any(map(form.fullmatch, keys))}
    assert found == set(ANSWER_KEYS)
