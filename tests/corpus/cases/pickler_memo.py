# SPDX-License-Identifier: Apache-2.0
# One pickler writes a stream of messages; its memo keeps every one.
# type: Message|dict|str
# holder: pickler|memo
# verdict: grows
# fix: clear_memo|memo|new Pickler|fresh
import io
import pickle
import sys

FIXED = "--fixed" in sys.argv


class Message:
    def __init__(self, number):
        self.number = number
        self.text = f"message {number} " * 10


stream = io.BytesIO()
pickler = pickle.Pickler(stream)
for number in range(1000):
    pickler.dump(Message(number))
    if FIXED:
        pickler.clear_memo()
    stream.seek(0)
    stream.truncate()
print("done")
