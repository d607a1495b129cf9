"""Environment variables by which a run configures its kernels; they are not set in JupyterLab."""

RECORD_FOLDER = "CRMNB_RECORD_FOLDER"  # the folder for the record of what a notebook read
PARAMETERS_FOLDER = "CRMNB_PARAMETERS_FOLDER"  # the folder of the parameters file as it was when the run began
RESULTS_FOLDER = "CRMNB_RESULTS_FOLDER"  # the folder of the stored results
TABLES_FOLDER = "CRMNB_TABLES_FOLDER"  # the folder of the canonical tables
THREADS = "CRMNB_THREADS"  # the number of threads for the engine, since notebooks share the cores
MEMORY = "CRMNB_MEMORY"  # the memory limit of the kernel, in bytes
PAGE_KEY = "CRMNB_PAGE_KEY"  # the key that marks the suite's own outputs, so that pages show no others
