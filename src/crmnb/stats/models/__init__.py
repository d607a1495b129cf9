"""Fitted models: plain functions on arrays, which know no client; each formula names its paper and equation."""
