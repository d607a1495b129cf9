"""The sentences of service: which tickets count in a time, and how far it is known."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    "hours_of_working_week": "Hours are those in which the service desk works.",
    "hours_of_calendar": "Hours are those of the calendar, day and night.",
    "cases_still_open": "{cases:n} of {of:n} tickets were still waiting when the data end; they count as long as they are followed.",
    "cases_without_time": "{cases:n} of {of:n} tickets ended without a recorded time and are left out.",
    "agents_all_alike": "all tickets of these kinds ended alike, so nobody differs",
    "agents_overdispersed": "All {agents:n} agents together reach {target:%}. They differ more than chance explains (dispersion {dispersion:2}, 1 by chance): the limits are wider by that.",
    "agents_as_by_chance": "All {agents:n} agents together reach {target:%}. They differ no more than chance explains (dispersion {dispersion:2}, 1 by chance).",
    "too_few_agents": "needs at least {fewest:n} agents with answers",
    "agents_shrunken": "{agents:n} agents: the mean is {mean:g} points, the standard deviation between agents {between:g} points.",
    "answers_of_agents": "Based on {answers:n} answers.",
    "no_frequent_theme": "no theme is frequent enough among the comments about agents",
    "too_few_agents_to_shrink": "Shrunken shares need at least {fewest:n} agents with comments.",
    "agents_differ_by_theme": "{agents:n} agents have comments. They differ beyond chance in {themes}.",
    "agents_alike_by_theme": "{agents:n} agents have comments. They differ in no theme beyond chance.",
    "association_only": "This is an association, not proof of an effect.",
    "too_few_rated_tickets": "needs answers about tickets of at least {fewest:n} customers",
    "rated_tickets_all_alike": "the tickets with an answer are too alike in time and first contact to compare",
    "cases_followed_too_short": "needs tickets followed for {hours:n} hours or more",
    "quantile_of_cases_not_reached": "after {hours:n} hours {share:%} are still open",
}
