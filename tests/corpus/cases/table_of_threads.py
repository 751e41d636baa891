# SPDX-License-Identifier: Apache-2.0
# A dict by the number of a thread, whose entries stay when the threads have ended.
# type: Connection
# holder: by_thread
# verdict: grows
# fix: thread|local|remove
import sys
import threading

FIXED = "--fixed" in sys.argv


class Connection:
    def __init__(self):
        self.answers = []


class Database:
    def __init__(self):
        self.by_thread = {}
        self.own = threading.local()

    def connection(self):
        if FIXED:
            self.own.connection = Connection()
            return self.own.connection
        return self.by_thread.setdefault(threading.get_ident(), Connection())


database = Database()
all_there = threading.Barrier(25)


def work(number):
    database.connection().answers.append(number)
    all_there.wait()


threads = [threading.Thread(target=work, args=(number,)) for number in range(25)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
database.connection()
print("done")
