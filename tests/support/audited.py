"""The account of a table with rejected rows."""

from crmnb.intake.audit import ControlTotal, LineAudit, ReferenceCheck, RejectionCause, TableAudit

ACCOUNT = TableAudit(
    table="orders",
    source="till",
    read=3400,
    accepted=3381,
    rejected=19,
    causes=(
        RejectionCause("ordered_at is no date", "ordered_at", 14, 12, ("'31/02/2025'",), "Ask for days that exist."),
        RejectionCause("amount is below 0", "amount", 6, 4, ("'-5'",), "Ask what these are."),
        RejectionCause("order_id \x1b repeats", "order_id", 1, 1, ("'7'",), "Ask what these are."),
    ),
    totals={"amount": ControlTotal("1234567890123.4500", "-47.0000", 2)},
    references=(ReferenceCheck("customer_id", "customers", 3400, 12),),
    lines=LineAudit("till", 9000, 3, {"amount": ("100.1234", "98.0000", "98.0000")}),
    notes=("a \x1b[31mnote",),
)
