"""E-mails: how many arrive, are opened, clicked and unsubscribed from."""

from dataclasses import replace

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.emails import delivered, not_by_machine, notes_on, opened, sent, within
from crmnb.metrics.measures import month_of_year, of_counts, share

_STEPS = Estimator("proportion", "moments", "moments.share", "Wilson (score)", chart="funnel")
_BY_MONTH = replace(_STEPS, chart="years")
_DELIVERED = "e-mails delivered"


@metric(title="Delivery rate", unit="%", kind="process", direction="up", hand_count="12 / 13")
def delivery_rate(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the e-mails sent that were delivered.

    Why: what does not arrive cannot be read; a fall points to old addresses or a bad reputation of the sender.
    Caution: an e-mail in the spam folder counts as delivered. E-mails of which the delivery is not known are left out.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    rows = sent(sends, channel, follow_up_days)
    return share(rows, nw.col("delivered"), numerator=_DELIVERED, denominator="e-mails sent")


@metric(title="Open rate", unit="%", kind="process", direction="up", hand_count="7 / 10")
def open_rate(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the e-mails delivered that a person opened within the follow-up, each counted once.

    A click counts as an opening. E-mails opened by a machine (a mail service that loads all images in advance, as Apple's does) are left out,
    because nobody knows whether a person opened them as well; their share is the machine open rate.

    Why: it shows whether sender and subject are worth the recipients' attention.
    Caution: opens are counted by an image, which some mail programs block. Clicks are more reliable.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    rows = not_by_machine(delivered(sends, channel, follow_up_days), sends)
    words = {"numerator": "e-mails opened by a person", "denominator": "e-mails delivered and not opened by a machine"}
    return share(rows, opened(sends, follow_up_days), notes=notes_on(sends), **words)


@metric(title="Machine open rate", unit="%", kind="process", direction="-", hand_count="2 / 12")
def machine_open_rate(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the e-mails delivered that a machine opened: a mail service that loads all images in advance.

    Why: of these e-mails nobody knows whether a person opened them; counted as opens they would raise the open rate without a reader.
    Caution: not every mail tool recognises them.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    rows = delivered(sends, channel, follow_up_days)
    words = {"numerator": "e-mails opened by a machine", "denominator": _DELIVERED, "aspect_of": "open_rate"}
    return share(rows, nw.col("machine_open").fill_null(False), notes=notes_on(sends)[:1], **words)


@metric(title="Click rate", unit="%", kind="process", direction="up", hand_count="5 / 12")
def click_rate(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the e-mails delivered in which the recipient clicked a link within the follow-up, each counted once.

    Why: it is the first action that an e-mail is sent for, and no machine opening disturbs it.
    Caution: some companies' mail scanners click every link; remove their clicks before the import.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    rows = delivered(sends, channel, follow_up_days)
    words = {"numerator": "e-mails clicked", "denominator": _DELIVERED, "notes": notes_on(sends)[:1]}
    return share(rows, within("clicked_at", follow_up_days), **words)


@metric(
    title="Click rate by month",
    unit="%",
    kind="process",
    direction="up",
    hand_count={"01 January": "3 / 7", "04 April": "2 / 4", "12 December": "0 / 1"},
)
def click_rate_by_month(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """The click rate of the e-mails sent in each month of the year, beside the same month of the comparison period.

    Why: mailings have seasons; a month is best compared with the same month of the year before.
    Caution: a month with few mailings shows these mailings, not the season.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    sends.periods.without_parts()
    rows = delivered(sends, channel, follow_up_days).with_columns(
        num=within("clicked_at", follow_up_days).cast(nw.Int64), den=nw.lit(1), breakdown=month_of_year("sent_at")
    )
    words = {"numerator": "e-mails clicked", "denominator": _DELIVERED, "notes": notes_on(sends)[:1]}
    return of_counts(rows, _BY_MONTH, breakdown="month", aspect_of="click_rate", **words)


@metric(title="Click-to-open rate", unit="%", kind="process", direction="up", hand_count="4 / 7")
def click_to_open_rate(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the e-mails opened by a person in which the recipient clicked a link within the follow-up, each counted once.

    E-mails opened by a machine are left out, as in the open rate.

    Why: it shows whether the content keeps what the subject promised.
    Caution: it rises where fewer, more interested people open. Read it beside the click rate.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    rows = not_by_machine(delivered(sends, channel, follow_up_days), sends).filter(opened(sends, follow_up_days))
    words = {"numerator": "e-mails clicked", "denominator": "e-mails opened by a person", "notes": notes_on(sends)[1:]}
    return share(rows, within("clicked_at", follow_up_days), **words)


@metric(title="Unsubscribe rate", unit="%", kind="process", direction="down", hand_count="1 / 12")
def unsubscribe_rate(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the e-mails delivered after which the recipient unsubscribed within the follow-up.

    Why: an unsubscribed customer can no longer be reached; the rate shows when mailings are too many or not relevant.
    Caution: who marks an e-mail as spam, or stops reading, is not counted.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    rows = delivered(sends, channel, follow_up_days)
    words = {"numerator": "e-mails unsubscribed from", "denominator": _DELIVERED, "notes": notes_on(sends)[:1]}
    return share(rows, within("unsubscribed_at", follow_up_days), **words)


@metric(
    title="E-mail funnel",
    unit="%",
    kind="process",
    direction="up",
    hand_count={
        "1 sent to delivered": "12 / 13",
        "2 delivered to not opened by a machine": "10 / 12",
        "3 not opened by a machine to opened": "7 / 10",
        "4 opened to clicked": "4 / 7",
    },
)
def email_funnel(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the e-mails of each step that reach the next one: sent, delivered, not opened by a machine, opened by a person, clicked.

    Of e-mails opened by a machine nobody knows whether a person opened them as well, so they end at the second step.

    Why: it shows at which step most recipients are lost.
    Caution: each step has the e-mails of the step before as its base, so the rates cannot be compared with each other.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 9 (e-mail metrics); Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    sends.periods.without_parts()
    rows, steps = sent(sends, channel, follow_up_days), []
    by_person = ~nw.col("machine_open").fill_null(False)
    by_person = {"not opened by a machine": by_person} if "machine_open" in sends.columns else {}
    reached = {"delivered": nw.col("delivered"), **by_person, "opened": opened(sends, follow_up_days)}
    reached["clicked"] = within("clicked_at", follow_up_days)
    for at, (before, (stage, condition)) in enumerate(zip(("sent", *reached), reached.items(), strict=False), 1):
        step = nw.lit(f"{at} {before} to {stage}")
        steps.append(rows.with_columns(breakdown=step, num=condition.cast(nw.Int64), den=nw.lit(1)))
        rows = rows.filter(condition)
    words = {"numerator": "e-mails that reach the next step", "denominator": "e-mails sent"}
    return of_counts(nw.concat(steps), _STEPS, breakdown="step", aspect_of="open_rate", **words)
