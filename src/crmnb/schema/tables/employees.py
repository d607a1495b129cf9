"""Tables of employees: their answers and their teams."""

from crmnb.schema.tables.columns import Column, Table, key_column, required

TABLES = (
    Table(
        "employee_responses",
        grain="an answer sheet, never with a name",
        key=("response_id",),
        time="responded_at",
        has_items=True,
        columns=(
            key_column("response_id"),
            required("responded_at", "time"),
            key_column("team", refers_to="teams"),
            Column("wave", "text"),
            Column("enps", "integer", at_least=0, at_most=10),
            Column("comment", "text", prose=True),
        ),
    ),
    Table(
        "teams",
        grain="a team",
        key=("team",),
        columns=(
            key_column("team"),
            required("headcount", "integer", at_least=0),
            Column("trained", "integer", at_least=0, at_most="headcount"),
        ),
    ),
)
