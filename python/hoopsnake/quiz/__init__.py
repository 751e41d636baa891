# SPDX-License-Identifier: Apache-2.0
"""Practice for interviews: programs, questions on them, and answers that come from running them."""
