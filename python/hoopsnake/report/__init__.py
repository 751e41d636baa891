# SPDX-License-Identifier: Apache-2.0
"""From the files of a run directory to the report: `model` reads, `render` shows."""
