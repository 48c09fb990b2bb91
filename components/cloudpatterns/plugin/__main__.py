"""Writes the schema of the version that is being released: ``python -m cloudpatterns.plugin``."""

import sys

from cloudpatterns.plugin.schema import main

if __name__ == "__main__":
    sys.exit(main())
