# SPDX-License-Identifier: Apache-2.0
"""Advice on the memory of programs: prediction against truth."""
