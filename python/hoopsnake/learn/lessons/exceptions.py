# SPDX-License-Identifier: Apache-2.0
import gc
import weakref


class Data:
    pass


def work():
    global look
    data = Data()
    look = weakref.ref(data)
    raise ValueError("no")


try:
    work()
except ValueError as error:
    print("in the handler; alive:", look() is not None)
    frame = error.__traceback__.tb_next.tb_frame
    print("a frame that waits holds:", sorted(frame.f_locals))
    del frame
print("after the handler; alive:", look() is not None)

try:
    work()
except ValueError as error:
    kept = error  # `error` is deleted at the end of the handler; this name is not
print("the error is kept; alive:", look() is not None)
kept.__traceback__ = None
print("its traceback is cut; alive:", look() is not None)

errors = []
for attempt in range(3):
    try:
        work()
    except ValueError as error:
        errors.append(str(error))  # the text alone
print("errors:", errors, "- alive:", look() is not None)


def own():
    data = Data()
    look = weakref.ref(data)
    try:
        raise KeyError("a")
    except KeyError as error:
        mine = error  # error -> traceback -> frame -> mine: a cycle
    return look


look = own()
print("own frame in a cycle; alive:", look() is not None)
gc.collect()
print("after a collection; alive:", look() is not None)
