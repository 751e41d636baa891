# SPDX-License-Identifier: Apache-2.0
"""What to change, by the structure of what holds. What is said of the standard library is here and
nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hoopsnake.explain.places import Place, short_name
from hoopsnake.heap.layouts import Layout

_LOGGER_NAMES = (
    "Do not put an id into the name of a logger; use one logger with a `LoggerAdapter` or `extra=`."
)
_MODULES = (
    "Drop the module with `sys.modules.pop(name)` when it is done with, or load it under one name; "
    "do not reload in production."
)

# Where the fix is known from the name of the attribute that holds: of the standard library only.
_STANDARD_HOLDERS: Sequence[tuple[str, str]] = (
    (
        r"\.handlers\b",
        "Add the handler once, at import, or take it off again with `removeHandler()`; a logger "
        "lives as long as the process.",
    ),
    (
        r"logging\..*loggerDict|loggerDict",
        _LOGGER_NAMES,
    ),
    (
        r"linecache\.cache",
        "Generated code is entered in `linecache.cache` under a new name each time; use one name "
        "for each kind of generated code, or delete the entry with the code it is for.",
    ),
    (
        r"__warningregistry__|onceregistry",
        "Each different text of a warning is remembered; keep what varies out of the message, or "
        "filter the warning.",
    ),
    (
        r"weakref\.finalize\._registry|finalize\._registry",
        "Each `weakref.finalize` (or weak connection that makes one) is kept until its object "
        "dies; connect once for a class, not for each instance, or call `detach()`.",
    ),
    (
        r"sys\.modules",
        _MODULES,
    ),
    (
        r"sys\.last_|last_traceback|last_exc|last_value",
        "The last uncaught exception at a prompt keeps its frames; delete `sys.last_traceback`, "
        "`sys.last_value` and `sys.last_exc`, or run a statement that fails with less.",
    ),
    (
        r"sys\.(meta_path|path_hooks|path_importer_cache)",
        "Add it once, at import, and remove it again (`sys.meta_path.remove(finder)`) when what it "
        "finds is done with.",
    ),
    (
        r"gc\.garbage",
        "A debug flag (`gc.DEBUG_SAVEALL`, `gc.DEBUG_LEAK`) keeps all that is collected: "
        "`gc.set_debug(0)` and `gc.garbage.clear()`.",
    ),
    (
        r"signal\.|signal handlers|Handlers\[",
        "A signal handler lives as long as the process: register a plain function, or restore "
        "the handler before.",
    ),
    (
        r"threading\._active|_limbo",
        "A thread that runs is alive, with all that its target and arguments refer to: stop it "
        "(an event, `cancel()` of a timer, `join()`) in `close()`, and give it a weak reference.",
    ),
    (
        r"subprocess\._active",
        "Wait for processes (`communicate()`, `wait()`) or use `subprocess.run()`.",
    ),
)

_BY_KIND = {
    "tee": (
        "`itertools.tee` keeps what one iterator has read and another has not: read once, into a "
        "list, or do not let one of them fall behind."
    ),
    "default argument": (
        "The default is made once, when the function is defined, and shared by all calls: "
        "default to None and make a new object in the function (`x = [] if x is None else x`)."
    ),
    "closure cell": (
        "The inner function keeps the variable for as long as it lives itself: let it refer to "
        "what it needs only, or drop the function (unsubscribe it) when it is done with."
    ),
    "atexit": (
        "Take the callback off with `atexit.unregister()` when the object is closed, or register "
        "one function of the module that goes through a `weakref.WeakSet`."
    ),
    "fork hooks": (
        "Hooks of `os.register_at_fork` can not be taken off: register one function of the module, "
        "or one that holds its object by `weakref.WeakMethod`."
    ),
    "audit hooks": "Audit hooks can not be removed: add one function of the module, once.",
    "context": (
        "Make each `ContextVar` once, at module level; reset it with the token that `set()` "
        "returned, or run the work in `contextvars.copy_context().run()`."
    ),
    "thread-local": (
        "Clear the values when the work is done (`local.__dict__.clear()` in `finally`): a pool's "
        "thread lives on. There are at most as many as there are threads."
    ),
    "table of threads": (
        "Entries of threads that have ended stay: keep the value in a `threading.local()`, which "
        "lets it go with its thread, or remove the entry as the thread ends."
    ),
    "running thread": (
        "The thread runs, and so its frames keep what they refer to: end it (an event that "
        "`close()` sets, `cancel()` of a timer), and give its target a weak reference instead of a "
        "bound method."
    ),
    "thread": "End the thread when its object is closed, and give its target a weak reference.",
    "suspended frame": (
        "A generator or coroutine that is not finished keeps its frame: exhaust it or close it "
        "(`contextlib.closing`, `task.cancel()`), and do not keep it."
    ),
    "waiters": (
        "Let what they wait for come (`event.set()`), or give up: `asyncio.wait_for(...)` with a "
        "timeout, or `task.cancel()` when the work is over."
    ),
    "kept frame": (
        "A kept frame keeps all of its locals and those of its callers: keep (file name, line) "
        "instead, or `frame.clear()`."
    ),
    "sys.modules": _MODULES,
    "codec registry": "Codecs are registered for good: register one function, once.",
}

_ENTRIES: Sequence[tuple[Callable[[int, str], bool], str]] = (
    (
        lambda layout, name: layout == Layout.EXCEPTION,
        "An exception keeps its traceback, and that keeps the frames with all their locals: keep "
        "`traceback.format_exception(e)` instead, or clear it with `e.with_traceback(None)`, and "
        "bound the container.",
    ),
    (
        lambda layout, name: layout in (Layout.FRAME, Layout.TRACEBACK),
        "A frame keeps all of its locals and those of its callers: keep (file name, line) instead, "
        "or call `frame.clear()`.",
    ),
    (
        lambda layout, name: layout == Layout.GENERATOR,
        "A generator that is not finished keeps its frame: exhaust or `close()` it "
        "(`contextlib.closing`), and do not keep it.",
    ),
    (
        lambda layout, name: name.endswith(("_asyncio.Task", "asyncio.tasks.Task")),
        "A finished task keeps its result: `task.add_done_callback({container}.discard)`, or "
        "`asyncio.TaskGroup`; cancel tasks that can not finish.",
    ),
    (
        lambda layout, name: "Future" in name.rpartition(".")[2],
        "A finished future keeps its result for as long as it lives: take results with "
        "`as_completed()` and drop each future, or use a queue with `maxsize`.",
    ),
    (
        lambda layout, name: layout == Layout.METHOD,
        "A bound method keeps its object: keep `weakref.WeakMethod`, or take it off "
        "(unsubscribe, remove the callback) when the object is closed.",
    ),
    (
        lambda layout, name: layout in (Layout.FUNCTION, Layout.PARTIAL),
        "A function keeps what it closed over, a partial its arguments: remove the callback when "
        "it is done with (unsubscribe), or let it hold its object by `weakref.ref`.",
    ),
    (
        lambda layout, name: layout == Layout.TYPE,
        "Classes made at run time are kept by this registry: make them once, at import, or keep "
        "them weakly (`weakref.WeakSet`).",
    ),
    (
        lambda layout, name: layout == Layout.MODULE,
        _MODULES,
    ),
    (
        lambda layout, name: name in ("subprocess.Popen",),
        "A `Popen` holds its pipes: wait for it (`communicate()`), or use `with subprocess.Popen` "
        "or `subprocess.run()`.",
    ),
    (
        lambda layout, name: name.startswith("_io.") or name in ("socket.socket", "ssl.SSLSocket"),
        "Open files hold a descriptor and a buffer: close them, best by `with open(...)`; "
        "`python -X dev` names those that are forgotten.",
    ),
    (
        lambda layout, name: name.startswith("sqlite3.") or "Connection" in name,
        "Close connections when their user ends (`contextlib.closing`, a pool with a limit).",
    ),
    (
        lambda layout, name: name in ("memoryview", "managedbuffer"),
        "A view keeps all of what it is a view of: copy what is to live on (`bytes(view)`), and "
        "`release()` the view.",
    ),
    (
        lambda layout, name: name == "numpy.ndarray",
        "A slice of an array keeps the whole array: `.copy()` a small part that is to live on.",
    ),
    (
        lambda layout, name: name == "logging.Logger",
        _LOGGER_NAMES,
    ),
    (
        lambda layout, name: name.startswith("logging.") and name.endswith("Handler"),
        "Add the handler once, at import, or take it off again with `removeHandler()`.",
    ),
    (
        lambda layout, name: name in ("threading.Thread", "threading.Timer"),
        "A thread that runs is alive, with all that its target refers to: stop it in `close()` "
        "(an event, `cancel()` of a timer), and give its target a weak reference.",
    ),
    (
        lambda layout, name: name == "_contextvars.ContextVar" or name.startswith("hamt"),
        _BY_KIND["context"],
    ),
)


IN_VAIN = (
    " It has a bound, and does not grow on for ever; if it fills with entries that are never found "
    "again, their keys do not compare equal (`__eq__`, `__hash__`)."
)


_WEAK = ("WeakKeyDictionary", "WeakValueDictionary", "WeakSet")
# Whatever the path to it leads through.
_BY_KIND_ALONE = ("context", "waiters", "table of threads")
_BY_KIND_FIRST = ("default argument", "atexit", "fork hooks", "audit hooks", "tee")
_QUEUE_FIX = (
    "What is put in is faster than what takes out: give the queue a bound (`maxsize`), so that "
    "`put()` waits, or have more workers take out."
)
_QUEUES = ("queue.Queue", "asyncio.queues.Queue", "_queue.SimpleQueue", "queue.LifoQueue")


# By the type of what holds the entries, or of its owner: of the standard library only.
_BY_OWNER = {
    **dict.fromkeys(_QUEUES, _QUEUE_FIX),
    "_pickle.Pickler": (
        "A `Pickler` remembers each object that it has written: a new one for each message, or "
        "`clear_memo()` after each `dump()`."
    ),
}


def is_queue(place: Place) -> bool:
    """The place is the contents of a queue of the standard library."""
    return any(step.type in _QUEUES for step in place.steps[-3:])  # before 3.11 with its dict


def fix_for(place: Place, entry_layout: int, entry_type: str, container: str) -> str:
    """The change to make, in a sentence or two."""
    if place.kind in _BY_KIND_ALONE:
        return _BY_KIND[place.kind]
    for pattern, text in _STANDARD_HOLDERS:
        if re.search(pattern, place.path):
            return text
    if place.kind == "lru_cache":
        return cache_fix(place)
    weak = next((words for words in _WEAK if words in place.through), "")
    if weak:
        return weak_mapping_fix(weak)
    if place.kind in _BY_KIND_FIRST:
        return _BY_KIND[place.kind]
    entry = _entry_fix(place, entry_layout, entry_type)
    if entry:
        return entry
    if "traceback" in place.through:
        return _ENTRIES[0][1]
    if place.kind in _BY_KIND:
        return _BY_KIND[place.kind]
    return _container_fix(place, container)


def _entry_fix(place: Place, layout: int, name: str) -> str:
    for matches, text in _ENTRIES:
        if matches(layout, name):
            return text.format(container=short_name(place.path))
    return next((_BY_OWNER[one.type] for one in place.steps[-2:] if one.type in _BY_OWNER), "")


def closure_fix() -> str:
    return _BY_KIND["closure cell"]


def entry_fix(layout: int, name: str) -> str:
    """What is to be said of entries of this kind, if there is anything."""
    return next((text for matches, text in _ENTRIES if matches(layout, name)), "")


def cache_fix(place: Place) -> str:
    text = (
        "The keys keep the arguments, `self` among them: cache on the instance "
        "(`functools.cached_property`), or on values only, in a function outside of the class"
    )
    if place.bound is None:
        return text + "; give the cache a `maxsize`."
    return text + f". The cache holds at most {place.bound:,} entries, so this does not grow on."


def weak_mapping_fix(kind: str) -> str:
    if kind == "WeakKeyDictionary":
        return (
            "The value refers to its own weak key, so the key can not die: keep the data on the "
            "object itself, or let the value refer back by `weakref.ref`."
        )
    return (
        "Entries of this weak container are kept alive by something that they lead to: let that "
        "refer back by `weakref.ref`."
    )


def _container_fix(place: Place, container: str) -> str:
    if place.kind == "class attribute":
        return (
            "The class owns it, not the instances: make it in `__init__` if it belongs to one; "
            "else bound it, or remove entries (`pop`, `discard`) when they are done with."
        )
    layout = place.steps[-1].layout if place.steps else Layout.OTHER
    if layout == Layout.DICT or container.endswith("Dictionary"):
        return (
            "Bound it (`functools.lru_cache(maxsize=...)`, a cache with a time to live), remove "
            "entries (`pop`) when they are done with, or keep values only while they are used "
            "(`weakref.WeakValueDictionary`)."
        )
    if container in ("list", "collections.deque", "set"):
        return (
            "Bound it (`collections.deque(maxlen=...)`), or remove entries when they are done with."
        )
    return "Drop the reference when the object is done with, or bound what is kept."
