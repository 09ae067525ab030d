### What somebody reads who types words to the bot itself. It may be thanks, and it may be despair: nobody
### looks at it, so no sentence here may guess.

direct-program = Thank you for writing. I'm a program: I don't look at what you type here. I make no copy of it and show it to nobody.
direct-people = If you'd like people to answer, they are in { $jump }. With "Share a no" you choose who sees what. If you need somebody right now, please turn to a person you trust.
direct-person = If you'd like an answer, or need somebody right now, please turn to a person you trust.
direct-quiet = You can go on writing here if it helps. I won't answer each message.
direct-support = the support channel
