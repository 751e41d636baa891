# SPDX-License-Identifier: Apache-2.0
"""Sphinx builds a small manual: pages that refer to each other, an index, documented modules."""

import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import main

CONF = 'project = "Manual"\nextensions = ["sphinx.ext.autodoc"]\nhtml_theme = "alabaster"\n'
PAGE = """\
Chapter {n}
===========

.. index:: chapter; {n}
.. _chapter-{n}:

See :ref:`chapter-{m}` and :py:func:`json.loads`. Some *text*, a list and code:

* one
* two

.. code-block:: python

   def chapter_{n}(x):
       return x + {n}

.. autofunction:: json.loads
   :no-index:
"""

with tempfile.TemporaryDirectory() as name:
    source = Path(name) / "source"
    source.mkdir()
    (source / "conf.py").write_text(CONF)
    pages = [f"chapter{n}" for n in range(20)]
    for n, page in enumerate(pages):
        (source / f"{page}.rst").write_text(PAGE.format(n=n, m=(n + 1) % len(pages)))
    entries = "".join(f"   {page}\n" for page in pages)
    (source / "index.rst").write_text(f"Manual\n======\n\n.. toctree::\n\n{entries}")
    sys.exit(main(["-q", "-b", "html", str(source), str(Path(name) / "html")]))
