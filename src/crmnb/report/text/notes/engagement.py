"""The sentences of engagement: what is not known of messages, posts and sessions."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    "deliveries_not_recorded": "Deliveries are not recorded: the base is all e-mails sent.",
    "machine_opens_not_recorded": "Machine openings are not recorded: the opens may contain some.",
    "sessions_not_measured": "{sessions:n} of {of:n} sessions have no measured time and are left out; most of them have a single page.",
    "lift_needs_both_arms": "needs a test with personalised and other e-mails",
    "engagement_base": "Likes, comments, shares and saves over {base}.",
    "unknown_engagement_base": "the base {base} is not known; it can be {bases}",
}
