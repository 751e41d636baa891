# SPDX-License-Identifier: Apache-2.0
# Every plugin folder puts a finder into sys.meta_path.
# type: \bFinder\b
# holder: meta_path
# verdict: grows
# fix: remov|once|at import
import sys

FIXED = "--fixed" in sys.argv


class Finder:
    def __init__(self, folder):
        self.folder = folder
        self.listing = {f"{folder}/{i}": i for i in range(40)}

    def find_spec(self, name, path=None, target=None):
        return None


def scan(folder):
    finder = Finder(folder)
    sys.meta_path.append(finder)
    if FIXED:
        sys.meta_path.remove(finder)


for i in range(60):
    scan(f"/plugins/{i}")
print("done")
