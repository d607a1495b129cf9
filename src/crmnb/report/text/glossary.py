"""Glossary: the terms that pages use, each explained once. Reports show those on how to read them, the handbook shows all."""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Term:
    """A term: its name, its explanation, and other words for it in texts. in_reports: it stands on a report's methodology page."""

    name: str
    text: str
    also: tuple[str, ...] = ()
    in_reports: bool = False

    @property
    def id(self) -> str:
        """Its place on a page: `confidence-interval`."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


TERMS = (
    # ---- How to read a report
    Term(
        "CI (confidence interval)",
        "The range of values that are compatible with the data, at the level next to it. A narrow interval means that the figure is "
        "precise; a wide one means that the data say little.",
        ("confidence interval", "interval"),
        True,
    ),
    Term(
        "No detectable change",
        "The difference from the comparison period can be chance. It does not mean that nothing changed. A report makes many comparisons, "
        "so some intervals exclude zero by chance alone: such a change is not listed unless it remains after the correction for this.",
        in_reports=True,
    ),
    Term(
        "Signal",
        "A change that is unlikely to be chance, even though many changes were tested together: about one in twenty signals is "
        "expected to be false (Benjamini and Hochberg 1995). Only signals are coloured.",
        in_reports=True,
    ),
    Term("n", "The number of units behind a figure, such as customers, orders or answers.", ("base",), True),
    Term(
        "Effective n",
        "The number of independent answers that would be equally precise. It is smaller than n where some customers answer several "
        "times or have a larger weight. Design effect = n / effective n.",
        ("design effect",),
        True,
    ),
    Term(
        "Low base",
        "Fewer customers than the agreed threshold: 30, unless the client declares another (min_base). Shown pale: treat the figure as an "
        "indication.",
        in_reports=True,
    ),
    Term(
        "Not shown",
        "The group is so small that the figure could identify a person: fewer than 10 customers, unless the client declares another number "
        "(suppress_below). Or another hidden figure could be computed from it.",
        ("suppressed", "suppression"),
        True,
    ),
    Term(
        "Partial",
        "The data do not cover the whole period, so there is no comparison with a complete one. Charts show it hollow and dashed.",
        ("partial period",),
        True,
    ),
    Term(
        "Too early", "The follow-up time of some customers, orders or leads is not over yet.", in_reports=True
    ),
    Term("Unreliable", "There are too few customers for a reliable interval.", in_reports=True),
    Term(
        "Not available",
        "The data for this figure are missing; the reason stands beside it. It never means zero.",
        ("unavailable",),
        True,
    ),
    Term(
        "Type",
        "What a metric measures: input (resources used), process (activities), output (direct results) or outcome (effect on customers and "
        "finances).",
        in_reports=True,
    ),
    # ---- Counting
    Term("Numerator", "What is counted above the line of a fraction: 5 of \u201c5 of 8 customers\u201d.", ("numerators",)),
    Term(
        "Denominator",
        "What the count is out of, below the line of a fraction: 8 of \u201c5 of 8 customers\u201d. Most disputes about a figure are about its "
        "denominator.",
        ("denominators",),
    ),
    Term(
        "Breakdown",
        "A figure for each kind of the thing counted, such as each survey, platform or month. A segment, in contrast, is a group of customers.",
        ("breakdowns",),
    ),
    Term(
        "Segmentation",
        "A division of the customers into groups, such as regions. Each group is a level of the segmentation.",
        ("segmentations", "segment", "segments"),
    ),
    Term(
        "Follow-up",
        "The time for which something is observed after it began. Where all cases have the same follow-up, older ones do not look better only "
        "because they had more time.",
    ),
    Term("Look-back", "The time before the period that a metric takes into account."),
    Term("Comparison period", "The earlier period that a figure is compared with: the previous one, or the same one a year before."),
    Term(
        "Placeholder",
        "A value that stands for a missing one, such as \u201cn/a\u201d. The client declares which values are placeholders.",
        ("placeholders",),
    ),
    Term(
        "Rejected row",
        "A row that breaks a rule of its table, such as an impossible date. The import keeps it apart with its reason, and no figure contains it "
        "until it is corrected.",
        ("rejected rows", "quarantine"),
    ),
    Term(
        "Census",
        "A count of all, not of a sample. A figure of a census has no interval for chance in the choice of who is counted.",
    ),
    Term(
        "Finite population",
        "A group of known size, such as a staff of 40. If 30 of 40 answer, little is left to chance: the interval is narrower than that of 30 "
        "answers from a large group.",
    ),
    # ---- Statistics
    Term(
        "Median",
        "The value in the middle of all values in order. One extreme value does not move it, unlike the mean.",
        ("medians",),
    ),
    Term("Mean", "The sum of all values divided by their number. A few very large values can move it far."),
    Term("Percentile", "The value below which a given percentage of all values lie. The 50th percentile is the median.", ("90th percentile",)),
    Term("Quartile", "A quarter of all values in order. The top quarter has the highest values.", ("top quarter", "best quarter")),
    Term(
        "Wilson interval",
        "An interval for a share. It stays between 0% and 100% and is right for small numbers, also where the share is 0% or 100%.",
        ("Wilson", "score interval"),
    ),
    Term(
        "Bootstrap",
        "A way to an interval without a formula: the data are drawn again and again from themselves, and the figure is computed each time.",
        ("resampling",),
    ),
    Term("Delta method", "A way to the interval of a figure that is computed from others: their scatter times how strongly each moves the figure."),
    Term(
        "Over-dispersion",
        "Counts scatter more than chance alone would make them, for example because one event brings several tickets.",
        ("over-dispersed",),
    ),
    Term(
        "Holm's correction",
        "A correction for many comparisons at once: after it, the chance that any of the differences called real is only chance stays at 5%.",
        ("Holm",),
    ),
    Term("Standard deviation", "The usual distance of values from their mean.", ("standard deviations",)),
    Term("Correlation", "How closely two quantities go together, from -1 through 0 (not at all) to 1. It does not say which causes which."),
    Term(
        "Regression",
        "A line (or its equal with several quantities) that says how much one quantity differs where another is one unit higher. It is no proof "
        "of a cause.",
        ("regressions",),
    ),
    Term("R\u00b2", "The share of the differences in one quantity that goes with others, from 0 to 1.", ("R2",)),
    Term(
        "Reliability",
        "The share of the scatter of scores that is real, and not chance in the answers. Cronbach's alpha measures it for several questions.",
        ("Cronbach's alpha",),
    ),
    Term("Attenuation", "A link between two quantities looks weaker than it is where one of them is measured with chance errors."),
    Term(
        "Logarithmic mean",
        "A mean of two values, (a - b) / ln(a / b). With it a change can be split into factors without a remainder.",
    ),
    Term(
        "Shrinkage",
        "An estimate from few data is moved towards the mean of all, the more the fewer the data: extremes of small groups are mostly chance.",
        ("shrunken",),
    ),
    Term(
        "Funnel plot",
        "A picture of groups by size and figure, with limits within which figures scatter by chance. The limits narrow for larger groups, like a funnel.",
    ),
    Term("Case mix", "The kinds of cases that somebody works on. Agents with harder tickets cannot be compared with others without a correction for it."),
    Term("Random assignment", "Chance decides who gets something. Only then is a difference between the groups its effect.", ("at random",)),
    # ---- Customers who stay
    Term("Churn", "The loss of customers: a contract ends, or, without contracts, no order comes for longer than the client declares.", ("lost customers",)),
    Term(
        "Inactivity",
        "Without a contract nobody says goodbye. A customer counts as lost after the declared number of days without an order.",
    ),
    Term("Reactivated customer", "A customer who was lost and has come back.", ("reactivated customers", "reactivated")),
    Term("Cohort", "Customers who began in the same month.", ("cohorts",)),
    Term("Tenure", "How long somebody has been a customer."),
    Term("Spell", "A span of time without a gap in which somebody is a customer.", ("spells",)),
    Term(
        "Kaplan-Meier",
        "The share that remains at each time, estimated from all who were still observed then. Whoever is still there counts for the time seen so far, "
        "and is not left out.",
        ("survival curve",),
    ),
    Term(
        "Hazard",
        "The share of those who are still there that leaves on a day. A hazard ratio compares two groups: 2 means twice the share.",
        ("hazards", "hazard ratio", "hazard ratios"),
    ),
    Term(
        "Restricted mean",
        "The mean time up to a horizon; what takes longer counts with the horizon. So cases that are still open need not be guessed.",
    ),
    Term(
        "BG/NBD",
        "A model of customers without contracts: each buys at a rate of their own, and may stop after any purchase. It needs how many purchases a customer "
        "made, and when the last one was.",
    ),
    Term("Gamma-Gamma", "A model of the margin per purchase: customers differ, and each customer's purchases scatter around the own mean."),
    Term(
        "Shifted beta-geometric",
        "A model of contracts: at each renewal some customers leave, and customers differ in how likely that is.",
    ),
    Term("Holdout", "Data that a model has not seen, on which its forecasts are tested.", ("backtest",)),
    Term("Naive baseline", "The simplest forecast: the last period repeats. A model that does not beat it is of no use."),
    Term(
        "AUC",
        "The chance that a customer who left had a higher forecast risk than one who stayed. 0.5 is a coin, 1 is perfect.",
    ),
    Term("Brier score", "The mean squared error of forecast risks. Lower is better."),
    Term("Calibration", "Whether forecast risks are true on average: of customers with a risk of 20%, one in five leaves.", ("calibration slope",)),
    # ---- Money
    Term("Net revenue", "The amounts of orders less refunds. Cancelled orders and orders without value bring none."),
    Term("Margin", "What remains of revenue after the costs of what was sold, at the client's declared rate or as the data say."),
    Term("Discounting", "Money that comes later is worth less today. The discount rate says by how much per year.", ("discounted", "discount rate")),
    Term("Horizon", "How far into the future a forecast goes."),
    Term(
        "Gini coefficient",
        "How unequal amounts are, from 0 (all are equal) to 1 (one has everything).",
        ("Gini",),
    ),
    Term("Recurring revenue", "Revenue of contracts, which comes again every month."),
    Term("CAGR", "Compound annual growth rate: the growth per year that would lead from the first to the last value."),
    # ---- Surveys and comments
    Term("Top box", "The best answers of a scale: the two best, or those that the client declares."),
    Term("Promoter", "Somebody who answers 9 or 10 when asked how likely a recommendation is.", ("promoters",)),
    Term("Detractor", "Somebody who answers 0 to 6 when asked how likely a recommendation is.", ("detractors",)),
    Term("Passive", "Somebody who answers 7 or 8 when asked how likely a recommendation is: neither promoter nor detractor.", ("passives",)),
    Term(
        "Non-response",
        "Not everybody who is asked answers, and those who do may be unlike the others.",
        ("item non-response",),
    ),
    Term("Raking", "Weights that make the answers like the customer base on several segmentations at once.", ("raked",)),
    Term("Weight", "How much an answer or a customer counts in a mean, compared with the others.", ("weights", "weighted")),
    Term(
        "Survey weights",
        "How much each survey counts in one figure of several surveys, as the client declares it. With fixed weights the figure does not move "
        "because one survey was sent more often. Without declared weights each survey is shown by itself.",
        ("survey weight",),
    ),
    Term(
        "PLS path model",
        "A model that links groups of survey questions: which drivers move the index, and what the index moves. It finds the weights of the questions.",
        ("path model", "PLS"),
    ),
    Term("Driver", "What the relationship depends on, such as service or prices, measured by several questions.", ("drivers",)),
    Term("Touchpoint", "An occasion on which customer and company meet, such as a purchase or a call.", ("touchpoints",)),
    Term("Lexicon", "A list of words with their mood, by which a comment is classified as positive, neutral or negative (VADER)."),
    Term("Codebook", "A list of themes with the words that belong to each."),
    # ---- Service and operations
    Term("SLA", "Service level agreement: the time within which a ticket is to be resolved."),
    Term("Backlog", "What is still open at the end of the period."),
    Term("Escalation", "A ticket is handed to a higher level of support.", ("escalated",)),
    Term("Working week", "The declared hours in which the service is open. Resolution times can be counted in these hours only.", ("working hours",)),
    # ---- Sales and web
    Term("Lead", "A possible customer whom the company knows of.", ("leads",)),
    Term("Pipeline", "The leads that are still open.", ("sales pipeline",)),
    Term("Visitor", "Whoever opens the web site. A customer counts once, whatever devices were used; without a customer, a device counts.", ("visitors",)),
    Term("Session", "A visit to the web site from the first to the last page.", ("sessions",)),
    Term("Goal", "What the company wants a visitor to do, such as a purchase.", ("goals",)),
    Term(
        "Machine open",
        "A mail service loads all images of an e-mail in advance, which looks as if a person had opened it.",
        ("opened by a machine", "machine opens"),
    ),
    # ---- Market and data
    Term("Peer", "Another company whose figure is known.", ("peers",)),
    Term("Pillar", "A part of brand equity, such as quality or trust, measured by several questions.", ("pillars",)),
    Term(
        "Near duplicates",
        "Records with different keys that are so alike that they may be of one person.",
        ("near duplicate",),
    ),
    Term("Cramer's V", "How strongly two divisions into groups go together, from 0 (not at all) to 1 (one says everything about the other)."),
    Term("Eta squared", "The share of the differences between customers that the groups explain, from 0 to 1."),
    Term("Adjusted Rand index", "How far two divisions of the same customers agree: 1 is perfect, 0 is what chance gives."),
)  # fmt: skip


@cache
def _pattern() -> tuple[re.Pattern, dict[str, Term]]:
    """A pattern of all words for the terms, the longest first, and the term of each word in lower case."""
    words = {word.lower(): term for term in TERMS for word in (_plain(term.name), *term.also)}
    del words["n"], words["type"], words["mean"], words["base"]  # too common as words
    longest = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])", re.IGNORECASE), words


def _plain(name: str) -> str:
    return name.partition(" (")[0]


def occurrences(text: str) -> list[tuple[int, int, Term]]:
    """Where terms occur in a text, each at its first place: (begin, end, term)."""
    pattern, words = _pattern()
    first: dict[str, tuple[int, int, Term]] = {}
    for match in pattern.finditer(text):
        term = words[match[0].lower()]
        first.setdefault(term.id, (match.start(), match.end(), term))
    return sorted(first.values(), key=lambda place: place[0])
