"""Readable: texts in a notebook, whose lines break between words and whose `code` is set as such."""

import re
from html import escape


class Readable:
    """Whatever has a text as its `repr`: a notebook shows it as a paragraph."""

    def _repr_html_(self) -> str:
        lines = [_with_code(escape(line, quote=False)) for line in repr(self).splitlines()]
        return f"<p>{'<br>'.join(lines)}</p>"


def _with_code(line: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", line)
