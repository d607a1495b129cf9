"""Display: what the suite shows of itself in a notebook, marked so that a page can tell it from all else that a cell may show.

A page publishes marked output only. In a run each display carries, beside its HTML, a digest of that HTML made with a key
that the run draws anew for every notebook; `attested` checks it where the outputs arrive, outside the kernel, and leaves
only what was found in the output's metadata. This holds against accident: a table of raw rows, a print, a picture, an old
output or HTML of one's own has no such digest, whatever type it claims to be. It cannot hold against malice: a cell is a
program with the rights of whoever runs it; it could use the key, or write into the report's folder directly. Whoever runs a
notebook must trust its author; who only gives data cannot reach the key.
"""

import hmac
import os
from collections.abc import Mapping
from typing import Any

from crmnb.core.environment import PAGE_KEY

MARK = "application/vnd.crmnb.display+json"
EVERYONE, WITH_CUSTOMERS = "everyone", "with customers"  # for which pages a display is made
_NOTE = "crmnb"  # the key of an output's metadata that says for which


class Display:
    """The base of whatever a notebook shows of the suite: `_repr_html_` and `__repr__` are the subclass's own."""

    shown_to = EVERYONE

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What Jupyter shows, with the mark where a run has set a key for it."""
        html = self._repr_html_()
        bundle: dict[str, Any] = {"text/html": html, "text/plain": repr(self)}
        if key := os.environ.get(PAGE_KEY):
            bundle[MARK] = {"shown_to": self.shown_to, "digest": _digest(key, self.shown_to, html)}
        return bundle


def attested(output: Mapping[str, Any], key: str) -> str:
    """For which pages a notebook's output was made by a `Display` with this key; "" for any other output."""
    data = output.get("data") or {}
    mark = data.get(MARK)
    if not key or not isinstance(mark, Mapping):
        return ""
    shown_to, html, digest = (str(part) for part in (mark.get("shown_to"), data.get("text/html"), mark.get("digest")))
    return shown_to if hmac.compare_digest(digest.encode(), _digest(key, shown_to, html).encode()) else ""


def settle(output: dict[str, Any], key: str) -> None:
    """Leave in an output's metadata for which pages it was made, and nothing else there; the mark itself goes."""
    if "data" not in output:
        return
    shown_to = attested(output, key)
    output["data"].pop(MARK, None)
    output["metadata"] = note(shown_to) if shown_to else {}


def note(shown_to: str = EVERYONE) -> dict[str, str]:
    """The metadata of an output that was found to be the suite's own."""
    return {_NOTE: shown_to}


def made_for(output: Mapping[str, Any]) -> str:
    """For which pages an output of a stored notebook was made, as `settle` left it; "" for what is not the suite's own."""
    return str((output.get("metadata") or {}).get(_NOTE, ""))


def _digest(key: str, shown_to: str, html: str) -> str:
    text = f"{shown_to}\0{html}".encode("utf-8", "surrogatepass")
    return hmac.new(key.encode(), text, "sha256").hexdigest()
