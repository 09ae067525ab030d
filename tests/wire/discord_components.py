"""Components as Discord accepts them (docs: components/reference): in messages, old and V2, and in modals.

The number of each limit stands in the reference beside the component; where it says nothing
(text of a V2 message: 4,000 characters together) it is what the API answers with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.wire.discord_basics import Json
from tests.wire.discord_errors import Path, Problems, snowflake

ROW, BUTTON, SELECT, INPUT = 1, 2, 3, 4
USERS, ROLES, MENTIONABLES, CHANNELS = 5, 6, 7, 8
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR = 9, 10, 11, 12, 13, 14
CONTAINER, LABEL, UPLOAD, RADIO, CHECKS, CHECK = 17, 18, 19, 21, 22, 23
SELECTS = (SELECT, USERS, ROLES, MENTIONABLES, CHANNELS)
FIELDS = (INPUT, *SELECTS, UPLOAD, RADIO, CHECKS, CHECK)

TOP_V2 = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)
IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
COMPONENTS_V2_LIMIT, TEXT_V2_LIMIT = 40, 4000


class Layout:
    """One message's or modal's components being checked. ``files`` are the names that were uploaded."""

    def __init__(self, problems: Problems, files: set[str]) -> None:
        self.problems, self.files = problems, files
        self.total = self.text = 0
        self._custom_ids: set[str] = set()
        self._ids: set[int] = set()

    # --- messages --------------------------------------------------------------------------------

    def legacy(self, components: Any, path: Path = ("components",)) -> None:
        """At most five action rows."""
        for at, each in enumerate(self.problems.array(components, path, 5)):
            self.one(each, (*path, at), (ROW,))

    def v2(self, components: Any, path: Path = ("components",)) -> None:
        """Up to 40 components with up to 4,000 characters of text, counting what is nested."""
        for at, each in enumerate(self.problems.array(components, path, 40, least=1)):
            self.one(each, (*path, at), TOP_V2)
        if self.total > COMPONENTS_V2_LIMIT:
            self.problems.add(
                path,
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                f"The total number of components cannot exceed {COMPONENTS_V2_LIMIT}",
            )
        if self.text > TEXT_V2_LIMIT:
            self.problems.add(
                path,
                "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                f"The total displayable text size cannot exceed {TEXT_V2_LIMIT}",
            )

    def one(self, each: Any, path: Path, allowed: tuple[int, ...]) -> None:
        """A component that may be one of some types."""
        component = self.problems.object(each, path)
        if component is None:
            return
        kind = component.get("type")
        if kind not in allowed or isinstance(kind, bool):
            names = ", ".join(str(number) for number in allowed)
            message = f'Value of field "type" must be one of ({names}).'
            self.problems.add((*path, "type"), "UNION_TYPE_CHOICES", message)
            return
        self.total += 1
        if self.problems.number(component.get("id"), (*path, "id"), 0, 2**31 - 1) and component.get("id"):
            if component["id"] in self._ids:
                self.problems.add(
                    (*path, "id"), "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated"
                )
            self._ids.add(component["id"])
        RULES.get(kind, Layout.select)(self, component, path)

    def custom_id(self, component: Json, path: Path) -> None:
        """1 to 100 characters, unlike every other on the message."""
        value = component.get("custom_id")
        if not self.problems.text(value, (*path, "custom_id"), 100, least=1, needed=True):
            return
        if value in self._custom_ids:
            message = "Component custom id cannot be duplicated"
            self.problems.add((*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        self._custom_ids.add(str(value))

    def _row(self, row: Json, path: Path) -> None:
        path = (*path, "components")
        children = self.problems.array(row.get("components"), path, 5, least=1, needed=True)
        for at, each in enumerate(children):
            self.one(each, (*path, at), (BUTTON, *SELECTS))
        kinds = [each.get("type") for each in children if isinstance(each, dict)]
        if len(kinds) > 1 and any(kind in SELECTS for kind in kinds):
            message = "The specified component exceeds the maximum width"
            self.problems.add(path, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)

    def _button(self, button: Json, path: Path) -> None:
        problems = self.problems
        problems.choice(button.get("style"), (*path, "style"), (1, 2, 3, 4, 5, 6), needed=True)
        problems.text(button.get("label"), (*path, "label"), 80)
        problems.flag(button.get("disabled"), (*path, "disabled"))
        if not button.get("label") and not button.get("emoji") and button.get("style") != 6:
            problems.add(path, "BUTTON_COMPONENT_MISSING_LABEL", "A label or emoji is required")
        if button.get("style") == 5:
            self._link(button, path)
        elif button.get("style") == 6:
            if snowflake(button.get("sku_id")) is None:
                problems.required((*path, "sku_id"))
            if any(button.get(name) for name in ("custom_id", "label", "url", "emoji")):
                problems.add(path, "BUTTON_COMPONENT_PREMIUM_FIELDS", "A premium button has only a sku_id")
        else:
            self.custom_id(button, path)
            if button.get("url") is not None:
                message = "A custom id and url cannot both be specified"
                problems.add((*path, "url"), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message)

    def _link(self, button: Json, path: Path) -> None:
        if button.get("custom_id") is not None:
            message = "A custom id and url cannot both be specified"
            self.problems.add(
                (*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message
            )
        url = button.get("url")
        if self.problems.text(url, (*path, "url"), 512, least=1, needed=True):
            self.scheme(str(url), (*path, "url"), ("http://", "https://", "discord://"))

    def scheme(self, url: str, path: Path, schemes: tuple[str, ...]) -> None:
        """A web address of some kind."""
        if not url.startswith(schemes):
            names = ", ".join(f"'{each.partition(':')[0]}'" for each in schemes)
            message = f"Scheme must be one of ({names})."
            self.problems.add(path, "URL_TYPE_INVALID_SCHEME", message)

    def select(self, select: Json, path: Path) -> None:
        """A select of any kind."""
        problems, kind = self.problems, select["type"]
        self.custom_id(select, path)
        problems.text(select.get("placeholder"), (*path, "placeholder"), 150)
        problems.flag(select.get("disabled"), (*path, "disabled"))
        options: list[Any] = []
        if kind == SELECT:
            options = self.options(select, path, 1, 25)
        elif select.get("options"):
            problems.add((*path, "options"), "SELECT_COMPONENT_OPTIONS", "Only string selects have options")
        if kind == CHANNELS:
            for at, each in enumerate(
                problems.array(select.get("channel_types"), (*path, "channel_types"), 25)
            ):
                allowed = (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16)
                problems.choice(each, (*path, "channel_types", at), allowed)
        if kind != SELECT:
            for at, each in enumerate(
                problems.array(select.get("default_values"), (*path, "default_values"), 25)
            ):
                self._default(each, (*path, "default_values", at), kind)
        self.counts(select, path, 25, len(options) if kind == SELECT else 25)

    def _default(self, each: Any, path: Path, kind: int) -> None:
        value = self.problems.object(each, path)
        if value is None:
            return
        if snowflake(value.get("id")) is None:
            self.problems.required((*path, "id"))
        allowed = {USERS: ("user",), ROLES: ("role",), CHANNELS: ("channel",), MENTIONABLES: ("user", "role")}
        self.problems.choice(value.get("type"), (*path, "type"), allowed[kind], needed=True)

    def options(self, component: Json, path: Path, least: int, most: int) -> list[Any]:
        """Options with labels and values of up to 100 characters; no value twice."""
        problems, path = self.problems, (*path, "options")
        options = problems.array(component.get("options"), path, most, least=least, needed=True)
        values: set[str] = set()
        for at, each in enumerate(options):
            option = problems.object(each, (*path, at))
            if option is None:
                continue
            problems.text(option.get("label"), (*path, at, "label"), 100, least=1, needed=True)
            problems.text(option.get("value"), (*path, at, "value"), 100, least=1, needed=True)
            problems.text(option.get("description"), (*path, at, "description"), 100)
            problems.flag(option.get("default"), (*path, at, "default"))
            value = str(option.get("value"))
            if value in values:
                message = "The specified option value is already used"
                problems.add((*path, at, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
            values.add(value)
        return options

    def counts(self, component: Json, path: Path, most: int, there: int) -> None:
        """min_values and max_values within limits, in order, and no more than there are options."""
        problems = self.problems
        low, high = component.get("min_values"), component.get("max_values")
        if not problems.number(low, (*path, "min_values"), 0, most):
            return
        if not problems.number(high, (*path, "max_values"), 1, most):
            return
        low, high = 1 if low is None else low, 1 if high is None else high
        if low > high:
            message = "min_values should be less than or equal to max_values"
            problems.add((*path, "min_values"), "SELECT_COMPONENT_MIN_VALUES_TOO_LARGE", message)
        elif there and high > there:
            message = f"max_values should be less than or equal to the number of options ({there})"
            problems.add((*path, "max_values"), "SELECT_COMPONENT_MAX_VALUES_TOO_LARGE", message)

    # --- components V2 ---------------------------------------------------------------------------

    def _section(self, section: Json, path: Path) -> None:
        inside = (*path, "components")
        children = self.problems.array(section.get("components"), inside, 3, least=1, needed=True)
        for at, each in enumerate(children):
            self.one(each, (*inside, at), (TEXT,))
        if section.get("accessory") is None:
            self.problems.required((*path, "accessory"))
        else:
            self.one(section["accessory"], (*path, "accessory"), (BUTTON, THUMBNAIL))

    def _text(self, text: Json, path: Path) -> None:
        content = text.get("content")
        if self.problems.text(content, (*path, "content"), 4000, least=1, needed=True):
            self.text += len(str(content))

    def _thumbnail(self, thumbnail: Json, path: Path) -> None:
        self._media(thumbnail.get("media"), (*path, "media"))
        self.problems.text(thumbnail.get("description"), (*path, "description"), 1024)
        self.problems.flag(thumbnail.get("spoiler"), (*path, "spoiler"))

    def _gallery(self, gallery: Json, path: Path) -> None:
        path = (*path, "items")
        for at, each in enumerate(self.problems.array(gallery.get("items"), path, 10, least=1, needed=True)):
            if (item := self.problems.object(each, (*path, at))) is not None:
                self._thumbnail(item, (*path, at))

    def _file(self, file: Json, path: Path) -> None:
        self._media(file.get("file"), (*path, "file"), only_attached=True)
        self.problems.flag(file.get("spoiler"), (*path, "spoiler"))

    def _media(self, media: Any, path: Path, *, only_attached: bool = False) -> None:
        if media is None:
            return self.problems.required(path)
        item = self.problems.object(media, path)
        if item is None or not self.problems.text(
            item.get("url"), (*path, "url"), 2048, least=1, needed=True
        ):
            return None
        url = str(item["url"])
        schemes = ("attachment://",) if only_attached else ("http://", "https://", "attachment://")
        self.scheme(url, (*path, "url"), schemes)
        if url.startswith("attachment://") and url.removeprefix("attachment://") not in self.files:
            message = "The specified attachment was not uploaded"
            self.problems.add((*path, "url"), "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message)
        return None

    def _separator(self, separator: Json, path: Path) -> None:
        self.problems.flag(separator.get("divider"), (*path, "divider"))
        self.problems.choice(separator.get("spacing"), (*path, "spacing"), (1, 2))

    def _container(self, container: Json, path: Path) -> None:
        self.problems.number(container.get("accent_color"), (*path, "accent_color"), 0, 0xFFFFFF)
        self.problems.flag(container.get("spoiler"), (*path, "spoiler"))
        path = (*path, "components")
        children = self.problems.array(container.get("components"), path, 40, least=1, needed=True)
        for at, each in enumerate(children):
            self.one(each, (*path, at), IN_CONTAINER)


RULES: dict[int, Callable[[Layout, Json, Path], None]] = {
    ROW: Layout._row,
    BUTTON: Layout._button,
    SECTION: Layout._section,
    TEXT: Layout._text,
    THUMBNAIL: Layout._thumbnail,
    GALLERY: Layout._gallery,
    FILE: Layout._file,
    SEPARATOR: Layout._separator,
    CONTAINER: Layout._container,
}
"""What is checked of a component of each type; selects are all alike."""
