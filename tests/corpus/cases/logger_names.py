# SPDX-License-Identifier: Apache-2.0
# A logger for each customer: the manager keeps them by name for ever.
# type: Logger
# holder: loggerDict|manager
# verdict: grows
# fix: LoggerAdapter|extra|name|once
import logging
import sys

FIXED = "--fixed" in sys.argv


def serve(customer):
    if FIXED:
        log = logging.LoggerAdapter(logging.getLogger("shop"), {"customer": customer})
    else:
        log = logging.getLogger(f"shop.customer.{customer}")
    log.debug("served")


for i in range(700):
    serve(i)
print("done")
