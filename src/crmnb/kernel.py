"""What a run tells its kernels, by variables of their environment; unset in JupyterLab."""

RESULTS_TO = "CRMNB_RESULTS_TO"  # the folder that takes the results, and what was read
TABLES_FROM = "CRMNB_TABLES_FROM"  # the folder of the canonical tables to read
THREADS = "CRMNB_THREADS"  # how many threads the engine may use, since others share the cores
MEMORY = "CRMNB_MEMORY"  # how many bytes the kernel may take
