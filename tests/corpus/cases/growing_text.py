# SPDX-License-Identifier: Apache-2.0
# One string that gets longer and longer.
# type: str
# holder: transcript
# verdict: grows|large
# fix: StringIO|join|bound|drop|limit|write|list
import sys
import time

FIXED = "--fixed" in sys.argv


class Chat:
    def __init__(self):
        self.transcript = ""

    def say(self, text):
        self.transcript = (self.transcript + text)[-1000 if FIXED else 0 :]


chat = Chat()
for _ in range(400):
    chat.say("hello there " * 1000)
    time.sleep(0.001)
print(len(chat.transcript) > 0)
