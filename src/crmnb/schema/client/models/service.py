"""How the service desk works."""

from typing import Annotated

from pydantic import Field

from crmnb.schema.client.models.values import HOLIDAYS, ClockTime, Day, Strict, Weekday


class Service(Strict):
    """The service desk: its working hours, by which times of tickets are measured, and whether pages name its agents.

    `working_week`: by weekday, from when to when it works; without one, hours are those of the calendar, day and night. `holidays`: the
    public holidays on which it does not work, of a country (GB) or a part of one (GB-ENG), as the package `holidays` lists them.
    `closed`: other days on which it does not work. `name_agents`: whether pages show the names of agents; otherwise they are coded
    A1, A2 and so on.
    """

    working_week: dict[Weekday, tuple[ClockTime, ClockTime]] = {}
    holidays: Annotated[str, Field(pattern=HOLIDAYS)] | None = None
    closed: tuple[Day, ...] = ()
    name_agents: bool = False
