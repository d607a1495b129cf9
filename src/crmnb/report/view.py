"""View: a result as a sentence, a block of a page, a chart or a table."""

from dataclasses import fields, replace

from crmnb.evaluate.result import Result
from crmnb.report.display import Display


class ResultView(Display, Result):
    """A result that renders itself. Nothing but the methods that draw imports a drawing library."""

    @classmethod
    def of(cls, result: Result) -> "ResultView":
        """The view of a result."""
        return cls(**{field.name: getattr(result, field.name) for field in fields(result)})

    def __repr__(self) -> str:
        from crmnb.report.text.sentences import summary_text

        return summary_text(self)

    def _repr_html_(self) -> str:
        from crmnb.report.text.sentences import result_html

        return str(result_html(self))

    def plot(self, chart: str = "", *options: str | None, **named: str | None):
        """Draw a chart of the result: a Figure, or Figures where there are several.

        chart: "trend", "segments", "breakdown", "survival", ... (`crmnb.report.charts`), by default the one that suits
        the metric. Options are the chart's own, for example a segmentation. Raises InputError for a
        chart, a segmentation or a level that does not exist.
        """
        from crmnb.report.charts import chart_named
        from crmnb.report.drawing.series import is_for_another

        chart = chart or self.metric.estimate.chart
        result = replace(self, points=self.points.iloc[:0]) if is_for_another(self, chart) else self
        return chart_named(chart)(result, *options, **named)

    def table(self):
        """Every row as a table of text, in the client's locale."""
        from crmnb.report.tables.data_table import people_frame

        return people_frame(self)

    @property
    def quotes(self):
        """What customers wrote, with their consent and without personal data: a block of text."""
        from crmnb.report.text.quotes import quotes_block

        return quotes_block(self)

    @property
    def caveat(self):
        """The metric's caveat: a block of text."""
        from crmnb.report.text.definitions import caveat_block

        return caveat_block(self)
