# SPDX-License-Identifier: Apache-2.0
# A metaclass keeps a list of the classes that it made, in a module's list.
# type: Plugin|PluginMeta|type|class
# holder: known_plugins
# verdict: grows
# fix: weak|once|at import|unregister|remove
import sys
import weakref

FIXED = "--fixed" in sys.argv
known_plugins = weakref.WeakSet() if FIXED else []


class PluginMeta(type):
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        (known_plugins.add if FIXED else known_plugins.append)(cls)


def load(number):
    class Plugin(metaclass=PluginMeta):
        data = [number] * 100

        def run(self):
            return self.data[0]

    return Plugin().run()


for i in range(120):
    load(i)
print("done")
