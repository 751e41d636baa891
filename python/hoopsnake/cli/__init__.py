# SPDX-License-Identifier: Apache-2.0
"""The command `hoop`. Light by intent: it stands before and after every program that it runs."""
