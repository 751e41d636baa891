# SPDX-License-Identifier: Apache-2.0
# A pool of threads with a little state each, and work that is done.
# verdict: none
import threading
import time
from concurrent.futures import ThreadPoolExecutor

local = threading.local()


def work(number):
    if not hasattr(local, "buffer"):
        local.buffer = bytearray(100_000)
    local.buffer[number % 100_000] = 1
    time.sleep(0.001)
    return number


with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(work, range(600))))
