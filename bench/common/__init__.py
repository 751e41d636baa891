# SPDX-License-Identifier: Apache-2.0
"""What all benches share: contestants, pinned processes, interleaved rounds, figures, tables."""
