"""The keys of the client itself: currency, time zone, and when a customer is lost."""

import re
from collections import Counter
from datetime import date

from crmnb.core.errors import InputError
from crmnb.schema.client.models.values import CURRENCY
from crmnb.schema.tables import TABLES
from crmnb.setup.answers import Answers
from crmnb.setup.draft import Draft, Line, Question, SourceDraft
from crmnb.setup.values import SIGNS


def add_settings(draft: Draft, answers: Answers) -> None:
    """Add the settings, or the questions about them."""
    _add_currency(draft, answers)
    _add_time_zone(draft, answers)
    _add_churn(draft, answers)
    _add_end(draft, answers)


def _sources(draft: Draft) -> dict[str, SourceDraft]:
    return {source.name: source for source in draft.sources}


# ---- Currency ---------------------------------------------------------------------------------------------


def _add_currency(draft: Draft, answers: Answers) -> None:
    """The currency by a column of it or by signs beside the amounts; asked where these say nothing or several."""
    codes, signs, has_money = _currencies(draft)
    currencies = codes or Counter({SIGNS[sign]: count for sign, count in signs.items() if sign in SIGNS})
    if not has_money:
        draft.settings["currency"] = Line("XXX", "no currency: no amounts are mapped")
        return
    if len(currencies) == 1 and (codes or len(signs) == len(currencies)):
        (currency,) = currencies
        where = "the column of the currency" if codes else f"the sign {next(iter(signs))}"
        draft.settings["currency"] = Line(currency, f"from {where}")
        return
    hint = f" (the files have {', '.join(sorted(currencies) or sorted(signs))})" if currencies or signs else ""
    text = f"the currency of the amounts{hint}"
    question = Question("currency", text, f"currency: {(currencies.most_common(1) or [('EUR', 0)])[0][0]}")
    answer = answers.get(question)
    if answer is not None and not re.fullmatch(CURRENCY, answer):
        raise InputError(f"--answer currency={answer}: use the three capital letters of a currency, such as GBP.")
    draft.settings["currency"] = Line(answer, "as answered") if answer else Line(question)
    if answer and len(currencies) > 1:
        _add_rates(draft, sorted(set(currencies) - {answer}), answer, answers)


def _currencies(draft: Draft) -> tuple[Counter[str], Counter[str], bool]:
    """The currencies of mapped columns of currencies, the signs of mapped amounts, and whether there are amounts."""
    codes: Counter[str] = Counter()
    signs: Counter[str] = Counter()
    has_money = False
    for table in draft.tables:
        profile = _sources(draft)[table.source].profile
        for name, line in table.columns.items():
            column = TABLES[table.name].by_name.get(name)
            if not isinstance(line.value, str) or line.value not in profile.by_header:
                continue
            header = profile.by_header[line.value]
            if name == "currency":
                codes.update(
                    {value.upper(): n for value, n in header.counts.items() if re.fullmatch("[A-Za-z]{3}", value)}
                )
            elif column and column.type == "money":
                has_money = True
                signs.update(header.numbers.signs if header.numbers else ())
    return codes, signs, has_money


def _add_rates(draft: Draft, others: list[str], currency: str, answers: Answers) -> None:
    """How amounts in other currencies count: by a rate, or not at all."""
    rates: dict[str, float | str] = {}
    for other in others:
        text = f"how many {currency} one {other} is, or `exclude` to leave these rows out"
        answer = answers.get(Question(f"rate.{other}", text, f"exchange_rates: {{{other}: exclude}}"))
        if answer is None:
            draft.open.append(Question(f"rate.{other}", text, f"exchange_rates: {{{other}: exclude}}"))
        elif answer == "exclude":
            rates[other] = answer
        else:
            try:
                rates[other] = float(answer)
            except ValueError:
                raise InputError(f"--answer rate.{other}={answer}: is neither a number nor exclude.") from None
    if rates:
        draft.settings["exchange_rates"] = Line(rates, f"{currency} for one of them, as answered")


# ---- Time zone and churn ----------------------------------------------------------------------------------


def _add_time_zone(draft: Draft, answers: Answers) -> None:
    """The client's zone: asked where times have marks of zones; that of the files where these name a single one."""
    named = {
        str(line.value)
        for source in draft.sources
        if (line := source.options.get("time_zone")) and isinstance(line.value, str)
    }
    if not _has_zones(draft) and len(named) == 1 and "UTC" not in named:
        draft.settings["time_zone"] = Line(named.pop(), "that of the files")
        return
    if not _has_zones(draft) and not named and not any(s.options.get("times") for s in draft.sources):
        draft.settings["time_zone"] = Line("UTC", "the times of the files have no zone and count as they stand")
        return
    text = "the time zone in which the client counts its days, such as Europe/Berlin"
    answer = answers.get(Question("time_zone", text, "time_zone: UTC"))
    if answer:
        _check_zone(answer, "time_zone")
        draft.settings["time_zone"] = Line(answer, "as answered")
    else:
        draft.settings["time_zone"] = Line(Question("time_zone", text, "time_zone: UTC"))


def _check_zone(zone: str, key: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise InputError(
            f"--answer {key}={zone}: is not a time zone. Use a name such as Europe/London, or UTC."
        ) from None


def _has_zones(draft: Draft) -> bool:
    """Whether times that are used have a mark of their zone."""
    for table in draft.tables:
        profile = _sources(draft)[table.source].profile
        if table.query:
            return True
        for line in table.columns.values():
            column = profile.by_header.get(line.value) if isinstance(line.value, str) else None
            if column and column.times and column.times.mark and not column.numbers:
                return True
    return False


def _add_churn(draft: Draft, answers: Answers) -> None:
    tables = {table.name: table for table in draft.tables}
    if "churn" in draft.settings:
        return
    if "subscriptions" in tables:
        value, why = (
            {"kind": "contractual", "table": "subscriptions"},
            "a customer is lost when the last subscription ends",
        )
        draft.settings["churn"] = Line(value, why)
    elif "customers" in tables and "left_at" in tables["customers"].columns:
        draft.settings["churn"] = Line({"kind": "contractual", "table": "customers"}, "left_at says when")
    elif "orders" in tables and "customer_id" in tables["orders"].columns:
        text = "after how many days without an order a customer is lost"
        line = "churn: {kind: inactivity, inactivity_days: 180}"
        answer = answers.get(Question("lost_after_days", text, line))
        if answer is None:
            draft.settings["churn"] = Line(Question("lost_after_days", text, line))
        elif not answer.isdigit() or not 0 < int(answer) <= 3650:
            raise InputError(f"--answer lost_after_days={answer}: is not a number of days from 1 to 3650.")
        else:
            draft.settings["churn"] = Line({"kind": "inactivity", "inactivity_days": int(answer)}, "as answered")


def _add_end(draft: Draft, answers: Answers) -> None:
    """The last day that the files cover, where a customer is lost by contract: that nobody left after it, no row can show."""
    churn = draft.settings.get("churn")
    if not churn or not isinstance(churn.value, dict) or churn.value["kind"] != "contractual":
        return
    text = "the last day that the files cover, which contracts that are still running do not show"
    question = Question("data_until", text, "data_until: 2025-12-31")
    answer = answers.get(question)
    if answer is None:
        draft.settings["data_until"] = Line(question)
        return
    try:
        draft.settings["data_until"] = Line(date.fromisoformat(answer), "as answered")
    except ValueError:
        raise InputError(f"--answer data_until={answer}: is not a day such as 2025-12-31.") from None
