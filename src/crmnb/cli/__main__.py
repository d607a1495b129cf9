"""`python -m crmnb.cli` is the command `crmnb`."""

import sys

from crmnb.cli import main

if __name__ == "__main__":
    sys.exit(main())
