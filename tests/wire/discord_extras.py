"""What a community's server has that nobody asks for by id: made when it is sent, and kept by no one.

Ids are the guild's and a small number: guilds are a millisecond apart, which is millions of ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.discord_basics import Json

if TYPE_CHECKING:
    from tests.wire.discord_model import Guild

EMOJIS, STICKERS, SOUNDS = 30, 4, 4
FEATURES = (
    *("COMMUNITY", "NEWS", "WELCOME_SCREEN_ENABLED", "MEMBER_VERIFICATION_GATE_ENABLED"),
    *("AUTO_MODERATION", "ANIMATED_ICON", "INVITE_SPLASH", "SOUNDBOARD"),
)


def guild_json(guild: Guild) -> Json:
    """What a guild object of such a server has otherwise."""
    picture, channels = f"{guild.id:032x}", [str(id) for id in guild.channels]
    first = channels[0] if channels else None
    return {
        "icon": picture,
        "splash": picture,
        "description": f"{guild.name}: a place for people who look for work and for each other.",
        "verification_level": 2,
        "explicit_content_filter": 2,
        "emojis": _emojis(guild.id),
        "stickers": _stickers(guild.id),
        "features": list(FEATURES),
        "system_channel_id": first,
        "rules_channel_id": first,
        "public_updates_channel_id": first,
        "safety_alerts_channel_id": first,
        "premium_tier": 1,
        "premium_subscription_count": 4,
    }


def create_json(guild: Guild) -> Json:
    """What GUILD_CREATE of such a server has otherwise, beside its members."""
    return {"voice_states": _voice_states(guild), "soundboard_sounds": _sounds(guild.id)}


def _emojis(guild: int) -> list[Json]:
    return [
        {
            "id": str(guild + number),
            "name": f"emoji_{number}",
            "roles": [],
            "require_colons": True,
            "managed": False,
            "animated": number % 6 == 0,
            "available": True,
        }
        for number in range(1, EMOJIS + 1)
    ]


def _stickers(guild: int) -> list[Json]:
    return [
        {
            "id": str(guild + 1000 + number),
            "name": f"sticker {number}",
            "description": "One of our own.",
            "tags": "heart",
            "type": 2,
            "format_type": 1,
            "available": True,
            "guild_id": str(guild),
        }
        for number in range(STICKERS)
    ]


def _sounds(guild: int) -> list[Json]:
    return [
        {
            "sound_id": str(guild + 2000 + number),
            "name": f"sound {number}",
            "volume": 1.0,
            "emoji_id": None,
            "emoji_name": "🎉",
            "guild_id": str(guild),
            "available": True,
        }
        for number in range(SOUNDS)
    ]


def _voice_states(guild: Guild) -> list[Json]:
    return [
        {
            "channel_id": str(channel),
            "user_id": str(person),
            "session_id": f"{person:032x}",
            "deaf": False,
            "mute": False,
            "self_deaf": False,
            "self_mute": True,
            "self_video": False,
            "suppress": False,
            "request_to_speak_timestamp": None,
        }
        for person, channel in guild.voice.items()
    ]
