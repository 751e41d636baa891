# SPDX-License-Identifier: Apache-2.0
"""black formats the sources of a package, in one process."""

from pathlib import Path

import attr
import black

changed = 0
for path in sorted(Path(attr.__file__).parent.glob("*.py")):
    source = path.read_text()
    changed += black.format_str(source, mode=black.Mode(line_length=60)) != source
print(changed)
