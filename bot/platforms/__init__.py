"""The chat platforms, one behind another at the same seam (``bot.chat.Chat``).

Each knows only the seam, the clock, the storage and the vault, so that a feature written once
runs on all of them and none of them needs a special case anywhere else.
"""
