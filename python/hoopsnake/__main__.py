# SPDX-License-Identifier: Apache-2.0
"""``python -m hoopsnake`` is ``hoop``."""

import sys

from hoopsnake.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
