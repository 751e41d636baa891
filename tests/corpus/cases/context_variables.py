# SPDX-License-Identifier: Apache-2.0
# A context variable is made for each call: the context keeps it and its value.
# type: ContextVar|Session
# holder: context
# verdict: grows
# fix: module.level|reset|once
import contextvars
import sys

FIXED = "--fixed" in sys.argv


class Session:
    def __init__(self, user):
        self.user = user
        self.rights = [f"{user}:{i}" for i in range(10)]


current = contextvars.ContextVar("current")


def handle(user):
    variable = current if FIXED else contextvars.ContextVar(f"session of {user}")
    token = variable.set(Session(user))
    if FIXED:
        variable.reset(token)


for i in range(200):
    handle(f"user {i}")
print("done")
