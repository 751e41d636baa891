# SPDX-License-Identifier: Apache-2.0
# A module's dict caches an answer for each user; other data of the module is as it should be.
# type: Profile
# holder: profiles
# verdict: grows
# fix: bound|maxsize|TTL|weak|limit|lru_cache
import functools
import sys

FIXED = "--fixed" in sys.argv
COUNTRIES = {f"C{i}": {"name": f"country {i}", "codes": [i, i + 1]} for i in range(250)}
profiles = {}


class Profile:
    def __init__(self, user):
        self.user = user
        self.avatar = bytes(2000)


@functools.lru_cache(maxsize=128)
def tax_of(country):
    return len(COUNTRIES[country]["codes"]) / 10


def profile_of(user):
    if user not in profiles:
        profiles[user] = Profile(user)
    if FIXED and len(profiles) > 50:
        profiles.pop(next(iter(profiles)))
    return profiles[user]


for i in range(1000):
    tax_of(f"C{i % 250}")
    profile_of(f"user-{i}")
print(tax_of.cache_info().currsize)
