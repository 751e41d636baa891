# SPDX-License-Identifier: Apache-2.0
# A program that builds its result: a syntax tree and an index over it, once.
# verdict: none
import ast
import inspect
import json.decoder

source = inspect.getsource(json.decoder)
tree = ast.parse(source)
index = {}
for node in ast.walk(tree):
    index.setdefault(type(node).__name__, []).append(node)
print({name: len(nodes) for name, nodes in sorted(index.items())}["Name"] > 10)
