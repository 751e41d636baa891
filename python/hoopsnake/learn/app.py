# SPDX-License-Identifier: Apache-2.0
"""Steps through a life on a terminal, forwards and back. Needs Textual: the extra `learn`."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Markdown, Static

from hoopsnake.learn.model import Event, Life, Number, Scope, State, Step
from hoopsnake.learn.text import count_of, generation_of, head_of, told

_ATOMS = {"int", "str", "float", "complex", "bytes", "bool", "NoneType", "ellipsis"}
_QUIET_TYPES = {"module", "function", "type", "builtin_function_or_method"}
_COLOURS = {
    "created": "green",
    "freed": "red",
    "collected": "red",
    "raised": "red",
    "garbage": "yellow",
    "finalized": "yellow",
    "resurrected": "yellow",
    "weak cleared": "magenta",
    "printed": "cyan",
}
_FILTERS = ("", "created", "freed", "garbage", "shared", "kept", "finalized", "raised", "printed")
_MOST_ROWS = 8

HELP = """\
right, n     a step on            left, p      a step back
down         ten steps on         up           ten steps back
home, g      the first step       end, G       the last step
:            go to a line of the program
f            stop only at steps where something of a kind happens
v            numbers and texts as objects of their own
l            the page of the lesson, if it is one
q            leave

Left: the program; the line that ran is marked. Below it, what the line did.
Right: names by scope, the innermost first, and the objects, as
   #5 list of 3   2 references (getrefcount 3), generation 0, 88 bytes
with what each refers to. Green: new. Red: freed by this step.
Yellow: garbage, which only a collection will find.
"""


class HelpScreen(ModalScreen[None]):
    """The keys; any key closes it."""

    CSS = (
        "HelpScreen { align: center middle; } #help { width: 76; height: auto; max-height: 100%; "
        "border: round $accent; padding: 0 1; background: $surface; }"
    )

    def compose(self) -> ComposeResult:
        yield Static(HELP, id="help", markup=False)

    def on_key(self) -> None:
        self.dismiss()


class LessonScreen(ModalScreen[None]):
    """The page of a lesson; the arrows scroll, other keys close it."""

    CSS = (
        "LessonScreen { align: center middle; } #page { width: 92%; max-width: 100; height: 96%; "
        "border: round $accent; padding: 0 1; background: $surface; }"
    )
    SCROLLING: ClassVar[set[str]] = {"up", "down", "pageup", "pagedown", "home", "end"}

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="page"):
            yield Markdown(self.page)

    def on_mount(self) -> None:
        self.query_one("#page").focus()

    def on_key(self, event: Key) -> None:
        if event.key not in self.SCROLLING:
            event.stop()
            self.dismiss()


class LifeApp(App[None]):
    """`index`: the step that is shown."""

    CSS = """
    #left { width: 46%; }
    #code { height: 1fr; border-right: solid $panel; }
    #events { height: 40%; border-top: solid $panel; border-right: solid $panel; padding: 0 1; }
    #objects { width: 54%; padding: 0 1; }
    #where { height: 1; background: $panel; padding: 0 1; }
    #code_text { width: auto; }
    VerticalScroll { scrollbar-size: 1 1; }
    #line { dock: bottom; display: none; }
    #line.open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,n", "move(1)", "on"),
        Binding("left,p", "move(-1)", "back"),
        Binding("down", "jump(10)", "+10", show=False),
        Binding("up", "jump(-10)", "-10", show=False),
        Binding("home,g", "first", "first"),
        Binding("end,G", "last", "last"),
        Binding("colon", "ask_line", "line"),
        Binding("f", "filter", "filter"),
        Binding("v", "values", "values"),
        Binding("l", "lesson", "lesson"),
        Binding("question_mark", "help", "help"),
        Binding("q", "quit", "quit"),
    ]
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None

    def __init__(self, life: Life, lesson: str = "") -> None:
        super().__init__()
        self.life = life
        self.lesson = lesson
        self.index = 0
        self.only = ""
        self.atoms = False

    def compose(self) -> ComposeResult:
        yield Static(id="where", markup=False)
        with Horizontal():
            with Vertical(id="left"):
                yield VerticalScroll(Static(id="code_text"), id="code", can_focus=False)
                yield VerticalScroll(Static(id="events_text"), id="events", can_focus=False)
            yield VerticalScroll(Static(id="objects_text"), id="objects", can_focus=False)
        yield Input(placeholder="line, or file:line", id="line", disabled=True)
        yield Footer()

    def on_mount(self) -> None:
        self.title = self.life.program.name
        self.show()

    # --- what is shown ---

    @property
    def step(self) -> Step:
        return self.life.steps[self.index]

    def show(self) -> None:
        self.query_one("#where", Static).update(self._where())
        self.query_one("#code_text", Static).update(self._code())
        self.query_one("#events_text", Static).update(self._events())
        self.query_one("#objects_text", Static).update(self._objects())
        self.query_one("#events").scroll_home(animate=False)
        self.query_one("#objects").scroll_home(animate=False)
        code = self.query_one("#code")
        code.scroll_to(y=max(self.step.line - 1 - code.size.height // 2, 0), animate=False)

    def _where(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"step {self.index + 1} of {len(self.life.steps)}", "bold")
        text.append(f"  {' '.join(head_of(self.life, self.step).split())}")
        if self.only:
            text.append(f"  [only: {self.only}]", "yellow")
        if self.life.stopped:
            text.append(f"  {self.life.stopped}", "red")
        return text

    def _code(self) -> Text:
        file = self.step.file or next(iter(self.life.program.sources), "")
        text = Text(no_wrap=True, overflow="ellipsis")
        for number, line in enumerate(self.life.program.sources.get(file, []), 1):
            style = "reverse" if number == self.step.line else ""
            text.append(f"{number:>4} ", "dim")
            text.append(line + "\n", style)
        return text

    def _events(self) -> Text:
        text = Text()
        events = list(told(self.step))
        for event in events[:40]:
            text.append(f"{event.kind}: ", _COLOURS.get(event.kind, "bold"))
            text.append(event.text + "\n")
        if len(events) > 40:
            text.append(f"and {len(events) - 40} more\n", "dim")
        if not events:
            text.append("nothing that can be seen here\n", "dim")
        if self.step.errors:
            text.append(self.step.errors, "red")
        return text

    def _objects(self) -> Text:
        text = Text()
        states = {state.number: state for state in self.step.states}
        fresh = {event.thing for event in self.step.events if event.kind == "created"}
        for scope in reversed(self.step.scopes):
            self._add_scope(text, scope, states)
        text.append("\n")
        for state in self._in_order(states):
            self._add_object(text, state, states, state.number in fresh)
        for event in self.step.events:
            if event.kind == "freed" and event.thing and not self._is_atom(event.thing):
                thing = self.life.things[event.thing]
                text.append(f"#{event.thing} {thing.type}  freed\n", "red strike")
        return text

    def _add_scope(self, text: Text, scope: Scope, states: dict[Number, State]) -> None:
        title = "module" if scope.title == "<module>" else f"{scope.title}()"
        thread = "" if scope.thread == "MainThread" else f" [{scope.thread}]"
        at = f" line {scope.line}" if scope.line else ""
        text.append(f"{title}{at}{thread}\n", "bold underline")
        plain = [name for name, number in scope.names.items() if self._is_plain(number, states)]
        for name, number in scope.names.items():
            if name not in plain:
                text.append(f"  {name} ", "bold")
                text.append(f"{self._short(number, states)}\n")
        if plain:
            text.append(f"  {', '.join(plain)}: modules, functions, classes\n", "dim")

    def _is_plain(self, number: Number, states: dict[Number, State]) -> bool:
        """Of which there is nothing to tell."""
        state = states.get(number)
        thing = self.life.things.get(number)
        is_quiet = thing is not None and thing.type in _QUIET_TYPES
        return is_quiet and state is not None and not state.edges and not self.atoms

    def _add_object(
        self, text: Text, state: State, states: dict[Number, State], is_fresh: bool
    ) -> None:
        style = "yellow" if state.garbage else "green" if is_fresh else "bold"
        text.append(f"#{state.number} {state.text}", style)
        facts = f"  {count_of(state)}, {generation_of(state)}, {state.size} bytes"
        text.append(facts + (", garbage" if state.garbage else "") + "\n", "dim")
        for edge in state.edges[:_MOST_ROWS]:
            weak = " (weak)" if edge.weak else ""
            text.append(f"    {edge.label} {self._short(edge.to, states)}{weak}\n")
        if len(state.edges) > _MOST_ROWS:
            text.append(f"    and {len(state.edges) - _MOST_ROWS} more\n", "dim")

    def _short(self, number: Number, states: dict[Number, State]) -> str:
        state = states.get(number)
        if state is None:
            return "..."
        if self._is_atom(number) or self.life.things[number].type in _QUIET_TYPES:
            return state.text
        return f"-> #{number} {state.text}"

    def _is_atom(self, number: Number) -> bool:
        return not self.atoms and self.life.things[number].type in _ATOMS

    def _in_order(self, states: dict[Number, State]) -> list[State]:
        """As names lead to them. Modules, functions and classes only where they refer to more."""
        return [
            state
            for state in states.values()
            if not self._is_atom(state.number)
            and (self.life.things[state.number].type not in _QUIET_TYPES or state.edges)
        ]

    # --- keys ---

    def _go(self, index: int) -> None:
        self.index = max(0, min(index, len(self.life.steps) - 1))
        self.show()

    def _matches(self, step: Step) -> bool:
        return not self.only or any(_is_kind(event, self.only) for event in step.events)

    def action_move(self, by: int) -> None:
        index = self.index + by
        while 0 <= index < len(self.life.steps) and not self._matches(self.life.steps[index]):
            index += by
        if 0 <= index < len(self.life.steps):
            self._go(index)
        else:
            self.bell()

    def action_jump(self, by: int) -> None:
        self._go(self.index + by)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self.life.steps) - 1)

    def action_values(self) -> None:
        self.atoms = not self.atoms
        self.show()

    def action_filter(self) -> None:
        there = {event.kind for step in self.life.steps for event in step.events}
        choices = [kind for kind in _FILTERS if not kind or kind in there]
        at = choices.index(self.only) if self.only in choices else 0
        self.only = choices[(at + 1) % len(choices)]
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether a key is to be offered: a program that is no lesson has no page."""
        return action != "lesson" or bool(self.lesson)

    def action_lesson(self) -> None:
        self.push_screen(LessonScreen(self.lesson))

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def action_ask_line(self) -> None:
        field = self.query_one("#line", Input)
        field.disabled = False
        field.add_class("open")
        field.value = ""
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._close_line()
        self._go_to_line(event.value.strip())

    def on_key(self, event: Key) -> None:
        if event.key == "escape":
            self._close_line()

    def _close_line(self) -> None:
        field = self.query_one("#line", Input)
        field.remove_class("open")
        field.disabled = True
        self.set_focus(None)

    def _go_to_line(self, text: str) -> None:
        """The next step at that line, from here on, else from the start."""
        file, _, number = text.rpartition(":")
        if not number.isdigit():
            self.bell()
            return
        order = [*range(self.index + 1, len(self.life.steps)), *range(self.index + 1)]
        for index in order:
            step = self.life.steps[index]
            if step.line == int(number) and step.file.endswith(file):
                self._go(index)
                return
        self.bell()


def _is_kind(event: Event, kind: str) -> bool:
    return event.kind == kind


def step_through(life: Life, lesson: str = "") -> None:
    """Until the user leaves. `lesson`: its page, in Markdown."""
    LifeApp(life, lesson).run()
