# SPDX-License-Identifier: Apache-2.0
"""Decorators that look at the calls of a function."""

import functools
import time


def timed(function):
    results = []

    @functools.wraps(function)
    def wrapper(*arguments):
        begin = time.perf_counter()
        result = function(*arguments)
        results.append((time.perf_counter() - begin, result))
        return result

    return wrapper


def timed_fixed(function):
    longest = 0.0

    @functools.wraps(function)
    def wrapper(*arguments):
        nonlocal longest
        begin = time.perf_counter()
        result = function(*arguments)
        longest = max(longest, time.perf_counter() - begin)
        return result

    return wrapper
