# SPDX-License-Identifier: Apache-2.0
# A cache without a bound around a method: the keys hold every document.
# type: Document
# holder: Document.*word_count|word_count
# verdict: grows
# fix: cached_property|instance|maxsize|self|static|key
import functools
import sys

FIXED = "--fixed" in sys.argv


@functools.lru_cache(maxsize=8)
def count_words(text):
    return len(text.split())


class Document:
    def __init__(self, text):
        self.text = text
        self.layout = bytearray(20_000)

    @functools.cache
    def word_count(self, language):
        return len(self.text.split()), language


for i in range(200):
    document = Document(f"text number {i}")
    if FIXED:
        count_words(document.text)
    else:
        document.word_count("en")
print("done")
