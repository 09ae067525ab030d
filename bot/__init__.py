"""The architecture, in ten lines.

A platform (``platforms``: Discord, Slack, the local web chat) turns what people do into an ``Event``.
``dispatch`` finds the cog's handler, answers in time, and is the one place where errors end.
A handler (``cog``, and the features in ``cogs/``) returns a ``Card``, the private reply of its user.
``ui`` is what people see, as frozen data; ``words`` and ``content`` are the sentences, by language.
``chat`` is the seam: the few calls every platform answers, so that a cog is written once.
What is said unprompted goes into ``outbox``, in the transaction of its cause, and is sent from there.
``ticks`` wakes what recurs; ``clock`` alone reads the time; ``storage`` keeps rows, so restarts are normal.
``vault`` seals private text and makes pseudonyms; nobody else sees a key.
``config`` is every setting, checked once; ``app`` wires it all, and owns start and stop.
Imports go one way: ``ui <- chat <- cog <- cogs <- app``; ``make lint`` holds that.
"""
