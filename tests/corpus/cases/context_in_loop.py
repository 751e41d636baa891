# SPDX-License-Identifier: Apache-2.0
# A context variable is made for each call, and the task's context keeps them all.
# type: ContextVar|Basket
# holder: context
# verdict: grows
# fix: module level|reset|once
import asyncio
import contextvars
import sys

FIXED = "--fixed" in sys.argv
CURRENT = contextvars.ContextVar("basket")


class Basket:
    def __init__(self):
        self.items = [0] * 20


async def order():
    variable = CURRENT if FIXED else contextvars.ContextVar("basket")
    variable.set(Basket())
    await asyncio.sleep(0)


async def main():
    for _ in range(60):
        await order()


asyncio.run(main())
