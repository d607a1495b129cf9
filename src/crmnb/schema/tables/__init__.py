"""The canonical tables: their columns, and which of their rows count.

This is the contract between a client's files and every metric. A new table is a declaration in the module of its subject;
intake, engine and catalogue read it. Keys are text (leading zeros are kept), times are in the client's time zone, money is in
the client's currency, and a month is its first instant. `required` columns must be mapped and never empty; the others are
optional. All other columns that a client maps are attributes for segments: text, unless the client declares a type.
"""

from crmnb.schema.tables import (
    customers,
    data_quality,
    employees,
    experiments,
    finance,
    market,
    marketing,
    orders,
    sales,
    service,
    surveys,
    web,
)
from crmnb.schema.tables.columns import ENGINE_TYPES, OTHER, RESERVED, UNKNOWN, Column, Table, Type

__all__ = ["ENGINE_TYPES", "OTHER", "RESERVED", "TABLES", "UNKNOWN", "Column", "Table", "Type"]

_SUBJECTS = (
    *(customers, orders, surveys, service, sales, marketing, web, finance, market, employees, experiments),
    data_quality,
)

TABLES: dict[str, Table] = {table.name: table for subject in _SUBJECTS for table in subject.TABLES}
