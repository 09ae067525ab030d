### What the local web chat says by itself, around what the bot says. The page's own labels stand in its files.

web-gone = That isn't there any more.
web-failed = Something broke on my side. What you typed is kept; please try again in a moment.
web-unknown-action = The page asked for something I don't know. Reloading it should help.
web-unknown-command = I don't know /{ $command }. Type /help to see what I can do.
web-unreadable = The page sent something I can't read. Reloading it should help.
web-empty = There is nothing in that message yet.
web-too-long = That has { $length } characters; { $limit } fit in one message.
web-button-gone = That button isn't there any more.
web-closed = That channel isn't open to you.
web-not-private = Only a reply that you alone can see can be put away.
web-nothing-planned = Nothing is planned right now.
web-clock = The clock can't be moved by that much.
