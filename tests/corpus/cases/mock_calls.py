# SPDX-License-Identifier: Apache-2.0
# A stand-in for a test is used in production, and records every call.
# type: _?Call|Payment|tuple
# holder: gateway|mock_calls|call_args_list
# verdict: grows
# fix: reset_mock|bound|drop|limit|clear
import sys
from unittest import mock

FIXED = "--fixed" in sys.argv


class Payment:
    def __init__(self, amount):
        self.amount = amount
        self.receipt = "paid " * 100


gateway = mock.Mock()
for amount in range(300):
    gateway.pay(Payment(amount))
    if FIXED:
        gateway.reset_mock()
print("done")
