"""E-mails of the simulated client: a newsletter each month to some customers, and four tests a year of a personalised message.

Customers differ in how readily they open, and in whether their mail service opens everything in advance. The newsletter is personalised for
those who open readily, more often than not, so that it tells nothing of personalisation; in a test chance decides. What is true of a year
follows by adding up the kinds of customers and messages.
"""

from itertools import product

import numpy as np
import pandas as pd

from crmnb.demo.columns import make_customer_ids, make_keys, to_times
from crmnb.demo.customers import CustomerBase
from crmnb.demo.parameters import DAYS, MONTH_STARTS, YEARS

RECIPIENTS = 0.12  # of the customers, chosen at random for each mailing
DELIVERED, MACHINES, UNSUBSCRIBES, UNRECORDED = 0.97, 0.25, 0.004, 0.01
OPENS = (0.30, 0.31, 0.33)  # by year, of a message that is not personalised, to a customer of the middling kind
CLICKS = 0.16  # of the messages opened
MORE_OPENS, MORE_CLICKS = 1.10, 1.30  # times what others are, where personalised
KINDS = {
    0.5: 0.2,
    1.5: 0.8,
}  # kinds of customers, alike in number: times that they open; share of personalised newsletters
TEST_MONTHS = (3, 6, 9, 11)
_NEWSLETTER_DAY, _TEST_DAY, _HOUR = 5, 15, 9 / 24
_OPEN_DAYS, _CLICK_DAYS = 3.0, 1.0  # from the message to its opening, and from there to the click, at most
_BLOCKED = 0.05  # of the clicks: the mail program blocks images, so that no opening is recorded


def simulate_sends(base: CustomerBase, rng: np.random.Generator) -> pd.DataFrame:
    """The messages in the order of their mailings."""
    customers = len(base.region)
    opens_times = rng.choice(list(KINDS), customers)
    by_machine, unsubscribed = rng.random(customers) < MACHINES, np.zeros(customers, bool)
    parts = []
    for place, start in enumerate(MONTH_STARTS):
        year, month = YEARS[place // 12], place % 12 + 1
        mailings = [(f"Newsletter {year}-{month:02}", _NEWSLETTER_DAY, False)]
        mailings += [(f"Offer {year}-{month:02}", _TEST_DAY, True)] if month in TEST_MONTHS else []
        for name, day, is_test in mailings:
            at = start + day - 1 + _HOUR
            who = np.flatnonzero(base.under_contract(at) & (rng.random(customers) < RECIPIENTS) & ~unsubscribed)
            rows = _mailing(who, at, OPENS[place // 12], opens_times[who], by_machine[who], is_test, rng)
            unsubscribed[who[rows["left"].notna()]] = True
            parts.append(rows.assign(campaign=name, experiment=name if is_test else None))
    rows = pd.concat(parts, ignore_index=True)
    times = {"opened_at": "opened", "clicked_at": "clicked", "unsubscribed_at": "left"}
    return pd.DataFrame(
        {
            "send_id": make_keys("M", len(rows), 7),
            "campaign": rows["campaign"].to_numpy(object),
            "channel": "e-mail",
            "customer_id": make_customer_ids(rows["who"].to_numpy()),
            "sent_at": to_times(rows["sent"].to_numpy()),
            "delivered": np.where(rows["unrecorded"], None, rows["delivered"]),
            **{name: to_times(rows[own].where(rows[own] < DAYS).to_numpy()) for name, own in times.items()},
            "machine_open": rows["machine"].to_numpy(bool),
            "personalised": rows["personalised"].to_numpy(bool),
            "experiment": rows["experiment"].to_numpy(object),
        }
    )


def _mailing(who, at: float, opens: float, times, by_machine, is_test: bool, rng: np.random.Generator) -> pd.DataFrame:
    """The messages of a mailing to these customers, in days since the beginning."""
    rows, draws = len(who), rng.random((8, len(who)))
    chance = 0.5 if is_test else np.array([KINDS[k] for k in times])
    personalised = draws[0] < chance
    delivered = draws[1] < DELIVERED
    sent = at + draws[2] / 12
    is_open = delivered & (draws[3] < opens * times * np.where(personalised, MORE_OPENS, 1))
    is_click = is_open & (draws[4] < CLICKS * np.where(personalised, MORE_CLICKS, 1))
    opened = sent + _OPEN_DAYS * draws[5]
    machine = delivered & by_machine
    seen = is_open & ~(is_click & (rng.random(rows) < _BLOCKED))
    return pd.DataFrame(
        {
            "who": who,
            "sent": sent,
            "delivered": delivered,
            "opened": np.where(machine, sent + 1 / 1440, np.where(seen, opened, np.nan)),
            "clicked": np.where(is_click, opened + _CLICK_DAYS * draws[6], np.nan),
            "left": np.where(delivered & (draws[7] < UNSUBSCRIBES), sent + _OPEN_DAYS * rng.random(rows), np.nan),
            "machine": machine,
            "personalised": personalised,
            "unrecorded": rng.random(rows) < UNRECORDED,
        }
    )


def true_emails(year: int) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value in a year, in percent or points."""
    opens = OPENS[YEARS.index(year)]
    tests, newsletters = len(TEST_MONTHS), 12
    opened, clicked = _responses(opens, tests / (tests + newsletters))
    monthly = {month: _responses(opens, 0.5 if month in TEST_MONTHS else 0.0)[1] for month in range(1, 13)}
    arms = [np.array(_of_arm(opens, personalised)) for personalised in (True, False)]
    lift = dict(zip(("opens", "clicks"), (arms[0] - arms[1]).tolist(), strict=True))
    figures = {
        ("delivery_rate", ""): DELIVERED,
        ("open_rate", ""): opened,
        ("machine_open_rate", ""): MACHINES,
        ("click_rate", ""): clicked,
        ("click_to_open_rate", ""): clicked / opened,
        ("unsubscribe_rate", ""): UNSUBSCRIBES,
        ("email_funnel", "1 sent to delivered"): DELIVERED,
        ("email_funnel", "2 delivered to not opened by a machine"): 1 - MACHINES,
        ("email_funnel", "3 not opened by a machine to opened"): opened,
        ("email_funnel", "4 opened to clicked"): clicked / opened,
        **{("personalisation_lift", response): value for response, value in lift.items()},
        **{("click_rate_by_month", f"{m:02} {name}"): monthly[m] for m, name in enumerate(_MONTHS, 1)},
    }
    return {key: 100 * float(value) for key, value in figures.items()}


_MONTHS = [pd.Timestamp(2025, month, 1).month_name() for month in range(1, 13)]


def _responses(opens: float, of_tests: float) -> tuple[float, float]:
    """The shares of the messages delivered that are opened and clicked, where such a share of them is of tests."""
    opened = clicked = 0.0
    for (times, of_newsletters), personalised in product(KINDS.items(), (True, False)):
        chance = of_tests * 0.5 + (1 - of_tests) * of_newsletters
        weight = (chance if personalised else 1 - chance) / len(KINDS)
        opening, clicking = _of_message(opens * times, personalised)
        opened, clicked = opened + weight * opening, clicked + weight * opening * clicking
    return opened, clicked


def _of_arm(opens: float, personalised: bool) -> tuple[float, float]:
    """The same shares in an arm of a test."""
    kinds = [_of_message(opens * times, personalised) for times in KINDS]
    return float(np.mean([o for o, _ in kinds])), float(np.mean([o * c for o, c in kinds]))


def _of_message(opens: float, personalised: bool) -> tuple[float, float]:
    more_opens, more_clicks = (MORE_OPENS, MORE_CLICKS) if personalised else (1.0, 1.0)
    return opens * more_opens, CLICKS * more_clicks
