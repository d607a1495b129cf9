"""Statistics: arrays and small frames in, estimates with intervals out."""
