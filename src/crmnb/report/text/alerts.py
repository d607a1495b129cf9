"""Alerts in a line of text, for the terminal and the index of all clients, from the records of runs."""

from typing import Any

_RULES = {
    1: "outside the limits",
    2: "too long on one side of the centre line",
    3: "too long in one direction",
}


def alert_line(alert: dict[str, Any]) -> str:
    """An alert with its group, value, limits, since when, and what else moved, without the words of a language's locale."""
    group = ", ".join(filter(None, (alert["breakdown"], _level(alert))))
    subject = f"{alert['title']} ({group})" if group else alert["title"]
    since = f", since {alert['since'].replace('T', ' ')}" if alert["since"] else ""
    moved = ", ".join(other["title"] for other in alert["moved"])
    return f"{alert['severity']}: {subject}: {_reason(alert)}{since}" + (f"; also changed: {moved}" if moved else "")


def _level(alert: dict[str, Any]) -> str:
    return f"{alert['segment']} {alert['level']}" if alert["segment"] else ""


def _reason(alert: dict[str, Any]) -> str:
    value, unit = alert["value"], alert["unit"]
    if alert["rule"] == "freshness":
        limit = f"the limit is {alert['high']:g} hours"
        return f"no row with a time; {limit}" if value is None else f"newest row is {value:g} hours old; {limit}"
    if alert["rule"] == "rejections":
        return f"{_number(value)}% of the rows were rejected; the limit is {alert['high']:g}%"
    words = f"{_number(value)}{_unit(unit)} in {alert['period']}"
    if alert["rule"] == "control_chart":
        reasons = " and ".join(_RULES[rule] for rule in alert["rules"])
        return f"{words}, {reasons} ({_number(alert['low'])} to {_number(alert['high'])})"
    below = alert["low"] is not None and value < alert["low"]
    limit = alert["low"] if below else alert["high"]
    return f"{words}, {'below' if below else 'above'} {limit:g}"


def _number(value: float) -> str:
    return f"{value:.4g}"


def _unit(unit: str) -> str:
    return "%" if unit == "%" else "" if unit in ("count", "scale", "money") else f" {unit}"
