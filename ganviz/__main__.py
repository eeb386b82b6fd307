"""``python -m ganviz`` is the same as ``ganviz``."""

import sys

from ganviz.cli import main

sys.exit(main())
