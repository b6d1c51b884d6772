"""`python -m engine ...`: the command line without the desktop; the app starts its worker child so."""

from __future__ import annotations

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
