"""Display: the map and a lesson as JupyterLab shows them: headings, lists and links, in words and not by colour."""

from crmnb.learn import catalogue_map
from crmnb.learn.lesson import Lesson, lesson
from crmnb.learn.progress import learner
from crmnb.metrics.definition import catalogue, family
from crmnb.report.html import tag


class Lessons:
    """All lessons: `lessons` in a notebook shows the map, `lessons.next` is the lesson to do next."""

    @property
    def next(self) -> Lesson:
        """The lesson to do next."""
        who = learner()
        return lesson(catalogue_map.next_metric(catalogue_map.states(who.events(), who.clock()), who.clock()))

    def __repr__(self) -> str:
        return catalogue_map.map_text(learner())

    def _repr_html_(self) -> str:
        who = learner()
        now = who.clock()
        known = catalogue_map.states(who.events(), now)
        name = catalogue_map.next_metric(known, now)
        blocks = [
            tag("p", f"Next: {catalogue()[name].title} ({known[name].text(now)})."),
            lesson(name).open()._repr_html_(),
        ]
        for family_name in dict.fromkeys(catalogue()[metric].family for metric in catalogue_map.order()):
            metrics = family(family_name).values()
            items = [tag("li", f"{m.title} ", tag("code", m.id), f": {known[m.id].text(now)}") for m in metrics]
            heading = f"{family_name.replace('_', ' ').capitalize()}: {catalogue_map.summary({m.id: known[m.id] for m in metrics})}"
            blocks.append(tag("details", tag("summary", heading), tag("ul", *items)))
        blocks += [tag("p", line) for line in catalogue_map.torn(who)]
        return "".join(str(block) for block in blocks)


def lesson_html(opened: Lesson) -> str:
    """A lesson's map: its gates with their state in words, and the next step."""
    gates = [tag("li", f"{line[0].upper()}{line[1:]}") for line in opened.gate_lines()]
    heading = tag("p", tag("strong", opened.words["title"]), f": {opened.state.text(opened.learner.clock())}")
    return str(tag("div", heading, tag("ul", *gates), tag("p", f"Next: {opened.next_step()}")))
