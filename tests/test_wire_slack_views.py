"""The fake Slack's Web API through slack_sdk over real HTTP: triggers, modals, App Home, files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.wire.slack_model import Json
from tests.wire.slack_small import PNG, Small, modal, refused, section, send_bytes, small_slack


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    async with small_slack() as made:
        yield made


async def test_a_trigger_opens_one_modal_within_three_seconds(small: Small) -> None:
    client, ada = small.client(), small.person("ada")
    trigger = small.at.trigger(ada.id, small.clock.now())
    await refused(client.views_open(trigger_id=trigger.id, view={"type": "modal"}), "invalid_arguments")
    assert not trigger.used, "a view that is refused leaves the trigger"
    opened = await client.views_open(
        trigger_id=trigger.id, view=modal(callback_id="no", private_metadata="m")
    )
    (view,) = ada.stack
    assert opened["view"]["id"] == view.id and opened["view"]["root_view_id"] == view.id
    assert opened["view"]["callback_id"] == "no" and opened["view"]["private_metadata"] == "m"
    assert small.happened == [("view", view)]
    await refused(client.views_open(trigger_id=trigger.id, view=modal()), "exchanged_trigger_id")
    late = small.at.trigger(ada.id, small.clock.now())
    await small.clock.advance(timedelta(seconds=3))
    await refused(client.views_open(trigger_id=late.id, view=modal()), "expired_trigger_id")
    for id in ("1.2.zz", "100.200.abcdef", "x"):
        await refused(client.views_open(trigger_id=id, view=modal()), "invalid_trigger_id")
    other = small.at.trigger(ada.id, small.clock.now())
    await refused(small.client("xoxb-2").views_open(trigger_id=other.id, view=modal()), "invalid_trigger_id")
    await refused(client.api_call("views.open", json={"view": modal()}), "invalid_arguments")
    await refused(client.api_call("views.open", json={"trigger_id": other.id}), "invalid_arguments")


async def test_at_most_three_modals(small: Small) -> None:
    client, ada = small.client(), small.person("ada")

    def trigger(**more: Any) -> str:
        return small.at.trigger(ada.id, small.clock.now(), **more).id

    await refused(client.views_push(trigger_id=trigger(from_modal=True), view=modal()), "invalid_trigger_id")
    await client.views_open(trigger_id=trigger(), view=modal())
    await refused(client.views_push(trigger_id=trigger(), view=modal()), "invalid_trigger_id")
    await client.views_push(trigger_id=trigger(from_modal=True), view=modal())
    pushed = await client.views_push(trigger_id=trigger(from_modal=True), view=modal())
    assert pushed["view"]["root_view_id"] == ada.stack[0].id
    assert pushed["view"]["previous_view_id"] == ada.stack[1].id
    await refused(client.views_push(trigger_id=trigger(from_modal=True), view=modal()), "push_limit_reached")


async def test_changing_a_modal(small: Small) -> None:
    client, ada = small.client(), small.person("ada")
    trigger = small.at.trigger(ada.id, small.clock.now())
    view = (await client.views_open(trigger_id=trigger.id, view=modal(external_id="mine")))["view"]
    changed = await client.views_update(view_id=view["id"], hash=view["hash"], view=modal(section("New")))
    assert changed["view"]["hash"] != view["hash"]
    assert ada.stack[0].data["blocks"][0]["text"]["text"] == "New"
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=modal())
    await refused(stale, "hash_conflict")
    await client.views_update(view_id=view["id"], view=modal(external_id="mine"))
    await client.views_update(external_id="mine", view=modal(external_id="mine"))
    again = small.at.trigger(ada.id, small.clock.now())
    await refused(
        client.views_open(trigger_id=again.id, view=modal(external_id="mine")), "duplicate_external_id"
    )
    await refused(client.views_update(view_id="V0000000000", view=modal()), "not_found")
    await refused(client.views_update(external_id="other", view=modal()), "not_found")
    await refused(client.api_call("views.update", json={"view": modal()}), "invalid_arguments")
    home = {"type": "home", "blocks": [section("x")]}
    await refused(client.views_update(view_id=view["id"], view=home), "invalid_arguments")
    ada.stack[0].closed = True
    await refused(client.views_update(view_id=view["id"], view=modal()), "not_found")


async def test_app_home(small: Small) -> None:
    client, ada = small.client(), small.person("ada")
    home = {"type": "home", "blocks": [section("Home")]}
    first = (await client.views_publish(user_id=ada.id, view=home))["view"]
    assert ada.home is not None and ada.home["blocks"][0]["text"]["text"] == "Home"
    second = (await client.views_publish(user_id=ada.id, view=home, hash=first["hash"]))["view"]
    assert second["id"] == first["id"] and ada.home_versions == 2
    asked = client.views_publish(user_id=ada.id, view=home, hash=first["hash"])
    await refused(asked, "hash_conflict")
    await refused(client.views_publish(user_id="U0000000000", view=home), "invalid_arguments")
    await refused(client.views_publish(user_id=ada.id, view=modal()), "invalid_arguments")
    small.at.home_tab = False
    await refused(client.views_publish(user_id=ada.id, view=home), "not_enabled")
    assert [what for what, _ in small.happened] == ["home", "home"]


# --- files -----------------------------------------------------------------------------------------


def picture(id: str) -> list[Json]:
    return [{"type": "image", "alt_text": "A heron", "slack_file": {"id": id}}]


async def test_an_image_is_uploaded_and_shown(small: Small) -> None:
    client, general = small.client(), small.channel("general")
    url = await client.files_getUploadURLExternal(filename="a.png", length=len(PNG), alt_txt="A heron")
    id = url["file_id"]
    show = {"channel": general.id, "text": "A heron", "blocks": picture(id)}
    no = await refused(client.chat_postMessage(**show), "invalid_blocks")
    assert no["errors"] == ["invalid slack file [json-pointer:/blocks/0/slack_file]"]
    await refused(client.files_completeUploadExternal(files=[{"id": id}]), "file_not_found")
    assert await send_bytes(url["upload_url"], PNG[:-1]) == 400
    assert await send_bytes(url["upload_url"] + "x", PNG) == 404
    assert await send_bytes(url["upload_url"], {"file": PNG.decode("latin-1")}) == 400
    assert await send_bytes(url["upload_url"], PNG) == 200
    await refused(client.chat_postMessage(**show), "invalid_blocks")
    await refused(client.files_info(file=id), "file_not_found")
    small.api.processing = 2
    done = await client.files_completeUploadExternal(files=[{"id": id, "title": "Heron"}])
    assert done["files"][0]["mimetype"] == "", "Slack has not looked into it yet"
    await refused(client.chat_postMessage(**show), "invalid_blocks")
    assert (await client.files_info(file=id))["file"]["mimetype"] == ""
    about = (await client.files_info(file=id))["file"]
    assert about["mimetype"] == "image/png" and about["alt_txt"] == "A heron" and about["size"] == len(PNG)
    await client.chat_postMessage(**show)
    await refused(client.files_completeUploadExternal(files=[{"id": id}]), "file_not_found")
    await client.files_delete(file=id)
    await refused(client.files_delete(file=id), "file_deleted")
    await refused(client.files_delete(file="F1"), "file_not_found")
    await refused(client.files_info(file=id), "file_deleted")
    await refused(client.chat_postMessage(**show), "invalid_blocks")


async def test_files_that_are_none(small: Small) -> None:
    client = small.client()
    await refused(client.files_getUploadURLExternal(filename="", length=1), "invalid_arguments")
    await refused(client.files_getUploadURLExternal(filename="a", length=0), "invalid_arguments")
    long = client.files_getUploadURLExternal(filename="a", length=1, alt_txt="x" * 1001)
    await refused(long, "alt_txt_too_large")
    await refused(client.api_call("files.completeUploadExternal", json={"files": []}), "invalid_arguments")
    await refused(client.files_completeUploadExternal(files=[{"id": "F1"}]), "file_not_found")
    await refused(client.files_info(file="F1"), "file_not_found")
    text = await client.files_getUploadURLExternal(filename="a.txt", length=5)
    assert await send_bytes(text["upload_url"], b"hello") == 200
    await client.files_completeUploadExternal(files=[{"id": text["file_id"]}])
    shown = client.chat_postMessage(channel=small.channel("g").id, text="x", blocks=picture(text["file_id"]))
    await refused(shown, "invalid_blocks")


async def test_the_sdk_uploads_and_shares(small: Small) -> None:
    client, general = small.client(), small.channel("general")
    await client.files_upload_v2(channel=general.id, content=PNG, filename="a.png", initial_comment="Look")
    (message,) = general.within()
    assert message.text == "Look" and small.at.files[message.files[0]].data == PNG
