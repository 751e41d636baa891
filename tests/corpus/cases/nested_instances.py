# SPDX-License-Identifier: Apache-2.0
# An object in a dict in an object: the outbox of one service is never emptied.
# type: Mail
# holder: outbox
# verdict: grows
# fix: maxlen|deque|bound|drop|limit|clear|pop|remove
import sys
import time

FIXED = "--fixed" in sys.argv


class Mail:
    def __init__(self, to, text):
        self.to = to
        self.text = text


class Mailer:
    def __init__(self):
        self.outbox = []

    def send(self, mail):
        self.outbox.append(mail)
        if FIXED:
            self.outbox.pop()


class Clock:
    def __init__(self):
        self.ticks = 0


class Application:
    def __init__(self):
        self.services = {"mail": Mailer(), "clock": Clock()}


application = Application()
for i in range(600):
    application.services["mail"].send(Mail(f"user{i}@example.org", "hello " * 20))
    application.services["clock"].ticks += 1
    time.sleep(0.001)
print(application.services["clock"].ticks)
