# SPDX-License-Identifier: Apache-2.0
"""Counted references and cycle collection: hoop::ref and its rivals."""
