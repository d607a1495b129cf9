"""The frame of every page: template environment, style sheet, and a policy that allows nothing else."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crmnb.core.bidi import isolate_sentence

if TYPE_CHECKING:
    from crmnb.schema.client import Client


def page(template: str, **facts) -> str:
    """A whole page from a template of this package: every fact is escaped unless it is Markup."""
    style = _style()
    return _environment().get_template(template).render(style=Markup(style), policy=_policy(style), **facts)  # noqa: S704


def prime() -> None:
    """Compile the templates once, in a process that others are forked from."""
    for name in _environment().list_templates(extensions=["j2"]):
        if name != "cells.j2":  # nbconvert's
            _environment().get_template(name)


def language(client: "Client | None") -> str:
    """The page's language tag: its words are English, its numbers and dates the client's, so `en-DE` for de_DE."""
    territory = Locale.parse(client.locale).territory if client else None
    return f"en-{territory}" if territory else "en"


@cache
def _environment() -> Environment:
    loader = PackageLoader("crmnb", "report/pages")
    how = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=loader, autoescape=True, finalize=_isolate, **how)


def _isolate(value: Any) -> Any:
    """A text of others without what would turn the line round; Markup was made of such."""
    return isolate_sentence(value) if type(value) is str else value


@cache
def _style() -> str:
    """The style sheet without comments and needless space."""
    text = (files("crmnb.report.pages") / "style.css").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    return re.sub(r" ?([{};,]) ?", r"\1", text).replace(": ", ":").replace(";}", "}").strip()


def _policy(style: str) -> str:
    """No script, no connection, no outside picture, no form: only this very style sheet and pictures inside the page."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
