"""What people do at a Slack client.

A client's own checks are made here: nobody presses a button that is not there or that they do not see, hands
in a form whose required input is empty, or types a command that the app has not registered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tests.wire import slack_filling as filling
from tests.wire import slack_shapes as shape
from tests.wire.slack_blocks import filled
from tests.wire.slack_exchange import Exchange
from tests.wire.slack_filling import Value
from tests.wire.slack_lines import Delivery
from tests.wire.slack_model import Conversation, Hook, Json, Message, Person, SlackError, View, Workspace
from tests.wire.slack_payloads import Payloads
from tests.wire.slack_screens import close, submitted
from tests.wire.waiting import NotPossible

if TYPE_CHECKING:
    from tests.wire.slack import FakeSlack


class Hands:
    """Does what people do, and delivers it to the app."""

    def __init__(self, fake: FakeSlack) -> None:
        self._fake, self.payloads = fake, Payloads(fake)
        self._states: dict[tuple[str, str, str], Json] = {}  # what somebody chose on a message

    # --- what people do --------------------------------------------------------------------------

    def command(self, person: Person, where: Conversation | None, name: str, text: str) -> Exchange:
        """Type a slash command in the composer of a conversation (None: that with the app)."""
        name = name if name.startswith("/") else f"/{name}"
        if self._fake.commands is not None and name not in self._fake.commands:
            raise NotPossible(f"{name} is no command; there are {sorted(self._fake.commands)}")
        workspace = self._installed(person)
        channel = self.place(person, where)
        payload = self.payloads.command(workspace, person, channel, name, text.strip())
        exchange = Exchange(self._fake, workspace, person, f"{name} {text}".strip(), channel=channel)
        exchange.hook = self._hook(exchange, "/commands/")
        payload |= {"response_url": exchange.hook.url, "trigger_id": self._trigger(exchange)}
        return self._deliver("slash_commands", payload, exchange, self._said_at_once, takes_answer=True)

    def press(self, person: Person, on: Message | View, action_id: str, value: Value = None) -> Exchange:
        """Press a button, or choose ``value`` in an element that reports at once."""
        workspace = self._installed(person)
        if not self._fake.interactivity:
            raise NotPossible("interactivity is off")
        blocks = on.blocks if isinstance(on, Message) else on.data["blocks"]
        self._sees(person, on)
        found = [(block, each) for block, each in shape.elements(blocks) if each["action_id"] == action_id]
        if not found:
            there = [each["action_id"] for _, each in shape.elements(blocks)]
            raise NotPossible(f"{action_id} is not among {there}")
        block, element = found[0]
        if block["type"] == "input" and not block.get("dispatch_action"):
            raise NotPossible(f"{action_id} reports nothing before the form is handed in")
        action = self._action(workspace, block, element, value)
        exchange = Exchange(
            self._fake, workspace, person, f"press {action_id}", source=on, channel=self._channel_of(on)
        )
        if isinstance(on, Message):
            values = self._chosen(workspace, person, on, block, element, action)
            payload = self.payloads.on_message(workspace, person, on, action, values)
            exchange.hook = self._hook(exchange, "/actions/", on)
            payload["response_url"] = exchange.hook.url
            self._fake.eyes.pressed(on, exchange)
        else:
            if element["type"] in shape.INPUTS:
                on.values.setdefault(block["block_id"], {})[action_id] = self._state(action, element)
            payload = self.payloads.on_view(workspace, person, on, action)
            exchange.origin = self._fake.eyes.opener(on)
        modal = isinstance(on, View) and not on.is_home
        payload["trigger_id"] = self._trigger(exchange, from_modal=modal)
        return self._deliver("interactive", payload, exchange)

    def submit(self, person: Person, values: Mapping[str, Value], view: View | None = None) -> Exchange:
        """Hand in the modal on top of somebody's screen, with ``values`` by block_id or action_id."""
        workspace = self._installed(person)
        view = self.top(person, view)
        if not view.data.get("submit"):
            raise NotPossible("the modal has nothing to hand it in with")
        view.values = filling.filled(workspace, view.data["blocks"], view.values, values)
        exchange = Exchange(
            self._fake, workspace, person, f"submit {view.data.get('callback_id', '')}", source=view
        )
        exchange.origin = self._fake.eyes.opener(view)
        payload = self.payloads.submission(workspace, person, view, view.values)
        payload["trigger_id"] = self._trigger(exchange, from_modal=True)
        return self._deliver("interactive", payload, exchange, submitted, takes_answer=True)

    def close(self, person: Person, *, every: bool = False) -> Exchange | None:
        """Close the modal on top, or (``every``) the whole stack; the app is told when it wanted to know."""
        workspace = self._installed(person)
        view = self.top(person)
        gone = list(person.stack) if every else [view]
        every = every or bool(view.data.get("clear_on_close"))
        close(person, person.stack if every else [view])
        told = [each for each in reversed(gone) if each.data.get("notify_on_close")]
        exchange: Exchange | None = None
        for each in told:
            exchange = Exchange(self._fake, workspace, person, "close", source=each)
            payload = self.payloads.closed(workspace, person, each, every)
            self._deliver("interactive", payload, exchange)
        return exchange

    def shortcut(self, person: Person, callback_id: str, on: Message | None = None) -> Exchange:
        """Use a global shortcut, or one of a message's menu."""
        workspace = self._installed(person)
        known = self._fake.shortcuts if on is None else self._fake.message_shortcuts
        if known is not None and callback_id not in known:
            raise NotPossible(f"{callback_id} is no shortcut; there are {sorted(known)}")
        channel = on.channel if on else None
        exchange = Exchange(
            self._fake, workspace, person, f"shortcut {callback_id}", channel=channel, source=on
        )
        if on is None:
            payload = self.payloads.shortcut(workspace, person, callback_id)
        else:
            self._sees(person, on)
            if on.only_for:
                raise NotPossible("a message that only one sees has no menu of shortcuts")
            payload = self.payloads.message_shortcut(workspace, person, on, callback_id)
            exchange.hook = self._hook(exchange, "/app/")
            payload["response_url"] = exchange.hook.url
        payload["trigger_id"] = self._trigger(exchange)
        return self._deliver("interactive", payload, exchange)

    def open_home(self, person: Person, tab: str) -> Exchange:
        """Open the app's Home or Messages tab."""
        workspace = self._installed(person)
        if not (workspace.home_tab if tab == "home" else workspace.messages_tab):
            raise NotPossible(f"the app has no {tab} tab")
        exchange = Exchange(self._fake, workspace, person, f"open {tab}")
        event = self._fake.news.payloads.home_opened(workspace, person, tab)
        self._fake.news.event(workspace, "app_home_opened", event, exchange=exchange)
        return exchange

    def say(self, person: Person, where: Conversation | None, text: str, thread: str) -> Message:
        """Write in a channel, a thread of it, or (None) to the app; ``raw["event_id"]`` is the event's."""
        workspace = self._fake.home_of(person)
        channel = self.place(person, where)
        if channel.kind == "im" and not workspace.messages_tab:
            raise NotPossible("writing to the app is turned off")
        if channel.archived or channel.deleted or channel.read_only:
            raise NotPossible(f"nobody writes in {channel.name}")
        parent = channel.messages.get(thread) if thread else None
        if thread and (parent is None or parent.thread):
            raise NotPossible("there is no such thread")
        words: Json = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
        blocks: list[Json] = [{"type": "rich_text", "elements": [words]}]
        message = Message(channel, workspace.ts(self._fake.now()), person.id, text, filled(blocks), thread)
        channel.add(message)
        exchange = Exchange(self._fake, workspace, person, "say", channel=channel, source=message)
        self._fake.news.written(workspace, message, exchange)
        message.raw = {"event_id": exchange.event_id, "exchange": exchange.id}
        return message

    def event(self, workspace: Workspace, name: str, event: Json) -> str:
        """Something happens that the app may have subscribed to by ``name``: the event_id, or ""."""
        return self._fake.news.event(workspace, name, event)

    # --- what is on the screen -------------------------------------------------------------------

    def top(self, person: Person, view: View | None = None) -> View:
        """The modal on top of somebody's screen, which must be ``view`` if that is given."""
        if not person.stack:
            raise NotPossible(f"{person.name} has no modal open")
        if view is not None and view is not person.stack[-1]:
            raise NotPossible("that modal is not on top")
        return person.stack[-1]

    def place(self, person: Person, where: Conversation | None) -> Conversation:
        """The conversation that is meant; somebody who acts in a public channel joins it."""
        workspace = self._fake.home_of(person)
        if where is None:
            return workspace.direct(person.id)
        if where.id not in workspace.conversations or where.deleted:
            raise NotPossible(f"{person.name} does not see {where.name}")
        if person.id not in where.members:
            if where.kind != "public":
                raise NotPossible(f"{person.name} is not in {where.name or where.id}")
            where.members.add(person.id)
        return where

    def _sees(self, person: Person, on: Message | View) -> None:
        if isinstance(on, View):
            if on.is_home:
                if on is not person.home_view:
                    raise NotPossible(f"that is not {person.name}'s App Home")
            else:
                self.top(person, on)
            return
        if on.deleted or on.only_for not in ("", person.id):
            raise NotPossible(f"{person.name} does not see that message")
        self.place(person, on.channel)

    def _channel_of(self, on: Message | View) -> Conversation | None:
        return on.channel if isinstance(on, Message) else None

    def _action(self, workspace: Workspace, block: Json, element: Json, value: Value) -> Json:
        out: Json = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block["block_id"],
        }
        if element["type"] == "button":
            out["text"] = shape.with_emoji(element["text"])
            return out | {name: element[name] for name in ("value", "style", "url") if name in element}
        if "placeholder" in element:
            out["placeholder"] = shape.with_emoji(element["placeholder"])
        return out | filling.state(workspace, element, value)

    def _state(self, action: Json, element: Json) -> Json:
        apart = ("action_id", "block_id", "placeholder", "text")
        return {name: value for name, value in action.items() if name not in apart}

    def _chosen(
        self, workspace: Workspace, person: Person, on: Message, block: Json, element: Json, action: Json
    ) -> Json:
        """``state.values`` of a message as this person sees it."""
        key = (person.id, on.channel.id, on.ts)
        values = self._states.get(key)
        if values is None:
            values = filling.all_of(workspace, on.blocks)
            if values:
                self._states[key] = values
        if element["type"] in shape.INPUTS:
            values[block["block_id"]][element["action_id"]] = self._state(action, element)
        return values

    # --- delivery --------------------------------------------------------------------------------

    def _installed(self, person: Person) -> Workspace:
        workspace = self._fake.home_of(person)
        if person.deleted:
            raise NotPossible(f"{person.name} is not there any more")
        if not workspace.installed:
            raise NotPossible(f"the app is not installed in {workspace.name}")
        return workspace

    def _trigger(self, exchange: Exchange, *, from_modal: bool = False) -> str:
        trigger = exchange.workspace.trigger(exchange.person.id, self._fake.now(), from_modal=from_modal)
        exchange.trigger = trigger.id
        return trigger.id

    def _hook(self, exchange: Exchange, path: str, message: Message | None = None) -> Hook:
        assert exchange.channel is not None
        hook = self._fake.hooks.make(exchange.workspace, exchange.person, exchange.channel, path, message)
        self._fake.eyes.hooked(hook, exchange)
        return hook

    def _deliver(
        self,
        kind: str,
        payload: Json,
        exchange: Exchange,
        done: Callable[[Exchange, Json | None], None] | None = None,
        *,
        takes_answer: bool = False,
    ) -> Exchange:
        exchange.payload = payload
        self._fake.eyes.did(exchange)
        self._fake.deliver(Delivery(kind, payload, exchange, takes_answer, done))
        return exchange

    def _said_at_once(self, exchange: Exchange, answer: Json | None) -> None:
        """An ack of a command may be its first answer; it costs no use of the response_url."""
        if exchange.hook and answer and (answer.get("text") or answer.get("blocks")):
            try:
                self._fake.hooks.use(exchange.hook.url, answer)
                exchange.hook.uses -= 1
            except SlackError as error:
                exchange.fails(error.code)

    # --- whose answer it is ----------------------------------------------------------------------
