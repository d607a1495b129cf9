"""Checks of the key `service` of a parameters file: working hours that end after they begin, and holidays that are known."""

from collections.abc import Iterator

from crmnb.core.errors import nearest
from crmnb.schema.client.models.service import Service


def find_service_problems(service: Service) -> Iterator[str]:
    """All faults of the key `service`. Each message begins with the key."""
    for weekday, (opens, closes) in service.working_week.items():
        if opens >= closes:
            yield f"service.working_week.{weekday}: {[opens, closes]} must go from an earlier to a later time of the day."
    for option in ("holidays", "closed"):
        if getattr(service, option) and not service.working_week:
            yield f"service.{option}: needs a working_week; without one, hours are those of the calendar."
    if service.holidays:
        yield from _check_holidays(service.holidays)


def _check_holidays(place: str) -> Iterator[str]:
    from holidays import list_supported_countries  # not imported where nobody declares holidays

    country, _, part = place.partition("-")
    known = list_supported_countries()
    if country not in known:
        yield f"service.holidays: {country!r} is not a country with known holidays.{nearest(country, known)}"
    elif part and part not in known[country]:
        yield f"service.holidays: {part!r} is not a part of {country} with holidays of its own.{nearest(part, known[country])}"
