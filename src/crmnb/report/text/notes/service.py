"""The sentences of service: which tickets count in a time, and how far it is known."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    "hours_of_working_week": "Hours are those in which the service desk works.",
    "hours_of_calendar": "Hours are those of the calendar, day and night.",
    "cases_still_open": "{cases:n} of {of:n} tickets had not come so far when the data end; they count as long as they are followed.",
    "cases_without_time": "{cases:n} of {of:n} tickets ended without a recorded time and are left out.",
    "cases_followed_too_short": "needs tickets followed for {hours:n} hours or more",
    "quantile_of_cases_not_reached": "after {hours:n} hours {share:%} are still open",
}
