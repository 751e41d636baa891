# SPDX-License-Identifier: Apache-2.0
# A service as it should be: context variables are reset, tasks discarded, loggers by module.
# verdict: none
import asyncio
import contextvars
import logging

user = contextvars.ContextVar("user", default=None)
log = logging.getLogger("service")
log.addHandler(logging.NullHandler())


class Service:
    def __init__(self):
        self.tasks = set()
        self.served = 0

    async def handle(self, number):
        token = user.set({"number": number, "name": f"user {number}"})
        try:
            await asyncio.sleep(0)
            log.debug("served %d", number)
            self.served += 1
        finally:
            user.reset(token)

    def accept(self, number):
        task = asyncio.get_running_loop().create_task(self.handle(number))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def main():
    service = Service()
    for number in range(800):
        service.accept(number)
        await asyncio.sleep(0.0005)
    await asyncio.gather(*service.tasks)
    print(service.served)


asyncio.run(main())
