"""The bundle's program revisit."""

import multiprocessing
import sys

from engine.children import serve_if_asked

if __name__ == "__main__":
    multiprocessing.freeze_support()
    if not serve_if_asked(sys.argv):
        from app.__main__ import main

        sys.exit(main())
