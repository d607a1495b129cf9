"""Link: a link to a notebook, as JupyterLab follows it."""

from pathlib import Path

from crmnb.report.html import tag


class Link:
    """A link to a notebook beside the one that is open."""

    def __init__(self, place: Path, title: str):
        self.place, self.title = place, title

    def __repr__(self) -> str:
        return f"{self.title}: {self.place}"

    def _repr_html_(self) -> str:
        return str(tag("p", tag("a", f"Open the lesson: {self.title}", href=self.place.name)))
