"""Checks of the key `employees` of a parameters file: its items must be declared, and point up."""

from collections.abc import Iterator

from crmnb.core.errors import nearest
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.surveys import Employees


def find_employees_problems(employees: Employees, client: Client) -> list[str]:
    """All faults of the key `employees`. Each message begins with the key."""
    indices = {"engagement": employees.engagement, "culture": employees.culture}
    return [
        message for index, items in indices.items() for message in _check_items(f"employees.{index}", items, client)
    ]


def _check_items(key: str, items: tuple[str, ...], client: Client) -> Iterator[str]:
    for at, item in enumerate(items):
        if item in items[:at]:
            yield f"{key}: {item!r} is listed twice. Remove one."
        elif item not in client.items:
            yield f"{key}: {item!r} is not declared under items.{nearest(item, client.items)}"
        elif (direction := client.items[item].direction) != "up":
            yield f"{key}: {item!r} has the direction {direction}. An index needs `up`, where a higher answer is better."
