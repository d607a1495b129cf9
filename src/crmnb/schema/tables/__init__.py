"""The canonical tables: what each holds, and which of its rows count.

This is the contract between a client's files and every metric. Adding a table is adding a declaration to the
module of its subject; intake, engine and catalogue read it. Keys are text (leading zeros survive), times are the client's wall clock,
money is in the client's currency, a month is the first instant of it. `required` columns must be mapped and never empty;
the others may be missing. Every other column that a client maps is kept as an attribute that can serve as a segment: text,
unless the client gives it a type.
"""

from crmnb.schema.tables import (
    customers,
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

_SUBJECTS = (customers, orders, surveys, service, sales, marketing, web, finance, market, employees, experiments)

TABLES: dict[str, Table] = {table.name: table for subject in _SUBJECTS for table in subject.TABLES}
