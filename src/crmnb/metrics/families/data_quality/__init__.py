"""Data quality: how complete, valid, unique, consistent and fresh the imported data are, and how well segmentations and models work."""

PARTS = ("cells", "records", "linkage", "segmentation", "models")
