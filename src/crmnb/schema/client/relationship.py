"""Checks of the key `relationship` of a parameters file: its items and its paths must make a path model."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from crmnb.core.errors import nearest
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.surveys import Relationship
from crmnb.schema.client.models.values import INDEX

_RESERVED = (INDEX, "relationship index")  # what reports call the index
_DIRECT = ", direct"  # how reports tell a driver's direct effect from the total one


def find_relationship_problems(relationship: Relationship, client: Client) -> list[str]:
    """All faults of the key `relationship`. Each message begins with the key."""
    problems = [*_check_names(relationship), *_check_items(relationship, client)]
    return problems or [*_check_paths(relationship)]  # paths make sense only between constructs that are right


def _check_names(relationship: Relationship) -> Iterator[str]:
    for group in ("drivers", "outcomes"):
        for name in getattr(relationship, group):
            if name.lower() in _RESERVED or name.lower().endswith(_DIRECT):
                yield f"relationship.{group}.{name}: this name is reserved. Rename it."
    for name in relationship.outcomes:
        if name in relationship.drivers:
            yield f"relationship.outcomes.{name}: is a driver already. A construct is either a driver or an outcome."


def _check_items(relationship: Relationship, client: Client) -> Iterator[str]:
    places: dict[str, str] = {}
    for group, constructs in (
        ("", {INDEX: relationship.index}),
        ("drivers.", relationship.drivers),
        ("outcomes.", relationship.outcomes),
    ):
        for name, items in constructs.items():
            for item in items:
                key = f"relationship.{group}{name}"
                yield from _check_item(key, item, client)
                if item in places:
                    other = f" of {places[item]}" if places[item] != key else ""
                    yield f"{key}: {item!r} is already an item{other}. Each item belongs to one construct, once."
                places.setdefault(item, key)


def _check_item(key: str, item: str, client: Client) -> Iterator[str]:
    if item not in client.items:
        yield f"{key}: {item!r} is not declared under items.{nearest(item, client.items)}"
    elif (direction := client.items[item].direction) != "up":
        yield (
            f"{key}: {item!r} has the direction {direction}. Items of the relationship need `up`, where a higher answer is "
            "better: recode the answers in a query, or choose another item."
        )


def _check_paths(relationship: Relationship) -> Iterator[str]:
    names = list(relationship.constructs)
    paths = relationship.all_paths
    for at, path in enumerate(relationship.paths):
        for name in path:
            if name not in names:
                yield f"relationship.paths.{at}: {name!r} is neither a driver nor an outcome nor `{INDEX}`.{nearest(name, names)}"
        if path in relationship.paths[:at]:
            yield f"relationship.paths.{at}: {list(path)} is declared twice. Remove one."
    sorter = TopologicalSorter()
    for begin, end in paths:
        sorter.add(end, begin)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " > ".join(error.args[1])
        yield f"relationship.paths: the paths lead in a circle ({circle}). Remove one of them."
        return
    leading, following = _reached(INDEX, [(end, begin) for begin, end in paths]), _reached(INDEX, paths)
    for driver in relationship.drivers:
        if driver not in leading:
            yield f"relationship.paths: no path leads from the driver {driver!r} to `{INDEX}`. Add one, or remove the driver."
    for outcome in relationship.outcomes:
        if outcome not in following:
            yield f"relationship.paths: no path leads from `{INDEX}` to the outcome {outcome!r}. Add one, or remove the outcome."


def _reached(start: str, paths: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> set[str]:
    """The constructs that paths lead to from one of them, over any number of steps."""
    reached, new = set(), {start}
    while new:
        reached |= new
        new = {end for begin, end in paths if begin in new} - reached
    return reached
