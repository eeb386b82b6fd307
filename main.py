"""Start ganviz from a checkout: the same as the command ``ganviz``."""

import sys

from ganviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
