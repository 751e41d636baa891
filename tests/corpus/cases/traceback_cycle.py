# SPDX-License-Identifier: Apache-2.0
# A local keeps the exception whose traceback keeps the frame: its locals wait for the collector.
# type: Frame|Upload|frame|OSError
# holder: problem|send
# verdict: delayed
# fix: del|traceback|finally|None|string
import gc
import sys

FIXED = "--fixed" in sys.argv
gc.disable()


class Upload:
    def __init__(self, size):
        self.data = bytearray(size)


def send(number):
    upload = Upload(30_000)
    problem = None
    try:
        raise OSError(f"no route for {number}: {len(upload.data)}")
    except OSError as error:
        problem = str(error) if FIXED else error
    return problem is not None


print(sum(send(number) for number in range(100)))
