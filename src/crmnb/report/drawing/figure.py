"""Figure: a picture with everything that someone who cannot see it, or wants to check it, needs."""

from dataclasses import dataclass

from markupsafe import Markup

from crmnb.report.display import Display
from crmnb.report.drawing.canvas import NARROW
from crmnb.report.html import picture_address, tag

_TELEPHONE = "(max-width:44rem)"  # as in the style sheet


@dataclass(frozen=True)
class Figure(Display):
    """A chart: SVG text, what it shows in words (`title`, `alt`), the numbers behind it, and notes under it.

    `narrow`: the same drawn for a telephone, where it can be.
    """

    svg: str
    title: str
    alt: str
    table: Markup
    notes: tuple[str, ...] = ()
    width: int = 760
    height: int = 320
    narrow: str = ""
    narrow_height: int = 320

    def _repr_html_(self) -> str:
        return str(self.__html__())

    def __html__(self) -> Markup:
        picture = tag("img", src=picture_address(self.svg), alt=self.alt, width=self.width, height=self.height)
        if self.narrow:
            size = {"width": NARROW, "height": self.narrow_height}
            narrow = tag("source", media=_TELEPHONE, srcset=picture_address(self.narrow, in_list=True), **size)
            shown = tag("picture", narrow, picture)
        else:
            shown = tag("div", picture, class_="scroll", tabindex="0", role="group", aria_label=f"Chart: {self.title}")
        focusable = {"class_": "scroll", "tabindex": "0", "role": "group", "aria_label": "Data table"}
        return tag(
            "figure",
            tag("figcaption", self.title),
            shown,
            *(tag("p", note, class_="note") for note in self.notes),
            tag("details", tag("summary", "Data table"), tag("div", self.table, **focusable)),
        )

    def __repr__(self) -> str:
        return f"{self.title}. {self.alt}"


@dataclass(frozen=True)
class Figures(Display):
    """Several figures, one below the other."""

    figures: tuple[Figure, ...]
    otherwise: str = ""

    def _repr_html_(self) -> str:
        return str(self.__html__())

    def __html__(self) -> Markup:
        if not self.figures:
            return tag("p", self.otherwise, class_="note")
        return Markup("\n").join(figure.__html__() for figure in self.figures)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.figures)) or self.otherwise
