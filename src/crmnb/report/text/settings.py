"""Settings: what a metric was computed with, in words instead of the names of the parameters file."""

from collections.abc import Callable, Mapping

from crmnb.evaluate.result import Result
from crmnb.metrics.features.answer_scale import is_top_box_alone
from crmnb.schema.client import Client


def settings_words(result: Result) -> list[str]:
    """Each setting as a phrase: `2 or more orders`, `churn definition: contract end`."""
    return settings_phrases(result.settings, result.client)


def settings_phrases(settings: Mapping[str, str], client: Client) -> list[str]:
    """The same of settings as `crmnb.evaluate.settings.resolve` words them for a client."""
    return [_phrase(name, value, client) for name, value in settings.items() if value]


def setting_title(name: str) -> str:
    """What a setting decides, for the methodology: `follow-up`."""
    return _TITLES.get(name, name.replace("_", " "))


def setting_default(name: str, value: object) -> str:
    """A setting's default in words: `90 days`, or "" where there is none."""
    for ending in ("days", "hours", "months"):
        if name.endswith(f"_{ending}"):
            return f"{value} {ending if value != 1 else ending[:-1]}"
    return str(value)


def _phrase(name: str, value: str, client: Client) -> str:
    if name in _PHRASES:
        return _PHRASES[name](value, client)
    number = int(value) if value.isdigit() else 0
    return f"{setting_title(name)}: {setting_default(name, number or value)}"


def _churn(value: str, client: Client) -> str:
    if client.churn is not None and client.churn.kind == "inactivity":
        return f"churn definition: {client.churn.inactivity_days} days without an order"
    return "churn definition: contract end" if value.startswith("contractual") else f"churn definition: {value}"


def _item(value: str, client: Client) -> str:
    item = client.items.get(value.split(" ")[0])
    if item is None:
        return f"question: {value}"
    low, high = item.scale
    question = f"\N{LEFT DOUBLE QUOTATION MARK}{item.asks}\N{RIGHT DOUBLE QUOTATION MARK}" if item.asks else item.name
    words = [f"scale {low} to {high}", f"a {'low' if item.direction == 'effort' else 'high'} answer is good"]
    words += [] if item.top_box is None else [f"satisfied from {item.top_box}"]
    words += [f"only {high} counts as satisfied"] if is_top_box_alone(item) else []
    words += ["surveys pooled by weight"] if item.survey_weights else []
    return f"question: {question} ({', '.join(words)})"


_TITLES = {
    "at_least": "least number of orders",
    "themes": "themes searched for",
    "most_frequent": "most frequent themes shown",
    "follow_up_days": "follow-up",
    "maturity_days": "follow-up of each lead",
    "look_back_days": "look-back before the period",
    "refund_window_days": "refund window",
    "answer_days": "time to answer",
    "activity_window_days": "window for the next step",
    "least_percent": "least share of runs without a person",
    "least_tables": "least number of tables",
    "certified_days": "verified within",
    "stable_months": "months between the two days",
    "horizon_days": "horizon",
    "horizon_hours": "horizon",
    "renewal_months": "contract renewal every",
    "stages": "stages",
    "item": "survey question",
    "churn": "churn definition",
}
_PHRASES: dict[str, Callable[[str, Client], str]] = {
    "at_least": lambda value, client: f"{value} or more orders",
    "churn": _churn,
    "item": _item,
    "least_percent": lambda value, client: f"at least {value}% of runs without a person",
}
