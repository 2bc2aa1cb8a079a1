"""python -m engine: the same as revisit-cli."""

import sys

from engine.cli import main

sys.exit(main())
