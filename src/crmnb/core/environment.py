"""What a run tells its kernels, by variables of their environment; unset in JupyterLab."""

NOTES_TO = "CRMNB_NOTES_TO"  # the folder that takes the note of what a notebook has read
PARAMETERS_FROM = "CRMNB_PARAMETERS_FROM"  # the folder of the parameters file as it was when the run began
RESULTS_FROM = "CRMNB_RESULTS_FROM"  # the folder of the evaluation to show
TABLES_FROM = "CRMNB_TABLES_FROM"  # the folder of the canonical tables to read
THREADS = "CRMNB_THREADS"  # how many threads the engine may use, since others share the cores
MEMORY = "CRMNB_MEMORY"  # how many bytes the kernel may take
PAGE_KEY = "CRMNB_PAGE_KEY"  # with which what the suite shows is marked, for the pages
