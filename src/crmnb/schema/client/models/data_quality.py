"""What is expected of the data."""

from typing import Annotated

from pydantic import Field

from crmnb.schema.client.models.values import BLOCK, NUMBER, Name, Strict


class Duplicates(Strict):
    """How near duplicates among the records of a table are found: by `fields` that are compared as texts.

    `blocks`: two records are compared only if they agree in all columns of one of these lists, where `name:4` stands for the
    first four characters of a name; by default they must agree in one of the fields. `similarity`: from which mean Jaro-Winkler
    similarity of the fields (0 to 1) on they are duplicates.
    """

    fields: Annotated[tuple[Name, ...], Field(min_length=1, max_length=10)]
    blocks: Annotated[
        tuple[Annotated[tuple[Annotated[str, Field(pattern=BLOCK)], ...], Field(min_length=1)], ...],
        Field(max_length=10),
    ] = ()
    similarity: Annotated[float, Field(ge=0.5, le=1), NUMBER] = 0.92


class DataQuality(Strict):
    """What the client expects of the data.

    `required`: columns by table that are to be filled, beside those that every client needs. `duplicates`: by table, how near
    duplicates are found. `freshness_hours`: by table, how old its newest record may be.
    """

    required: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = {}
    duplicates: dict[Name, Duplicates] = {}
    freshness_hours: dict[Name, Annotated[float, Field(gt=0, le=87_600), NUMBER]] = {}
