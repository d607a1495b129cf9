"""The packages of `crmnb` in layers."""

# From the ground up. A package may import from the packages of lower layers and from itself.
LAYERS = (
    ("core",),
    ("schema",),
    ("intake", "stats", "demo"),
    ("engine",),
    ("metrics",),
    ("evaluate",),
    ("setup",),
    ("report",),
    ("workbook",),
    ("learn",),
    ("handbook",),
    ("run",),
    ("cli",),
)
