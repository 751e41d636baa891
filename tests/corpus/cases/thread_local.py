# SPDX-License-Identifier: Apache-2.0
# A list in a threading.local of the main thread.
# type: Query
# holder: state|local
# verdict: grows
# fix: clear|reset|bound|maxlen|limit|drop|finally
import sys
import threading

FIXED = "--fixed" in sys.argv
state = threading.local()


class Query:
    def __init__(self, text):
        self.text = text
        self.parameters = (text, len(text))


def execute(text):
    if not hasattr(state, "queries"):
        state.queries = []
    state.queries.append(Query(text))
    if FIXED:
        state.queries.clear()


for i in range(1200):
    execute(f"select {i}")
print("done")
