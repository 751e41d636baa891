# SPDX-License-Identifier: Apache-2.0
"""The life of a program's objects, line by line: recorded in a real run, then shown."""
