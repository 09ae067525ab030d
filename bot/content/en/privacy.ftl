### /privacy: who can see what, what is stored, forgetting.
### Every sentence here is a promise: change the code first, then the words.

command-privacy = Who can see what, what I keep, and how to delete it.
privacy-show = Who can see what
privacy-title = Who can see what

privacy-members = They see what you post. An anonymous post shows a made-up name, how far you got, and your words. Each post gets its own name.
    .who = Other members
privacy-moderators = They can take an anonymous post down, and block its author from posting without a name. I don't tell them who it is.
    .who = Moderators
privacy-owners = I tell them nothing more than the moderators. On Slack, some can also export private messages, including those with me. If they remove me from Slack for good, all I keep about people there goes 30 days later.
    .who = Owners of the server or workspace
privacy-host = They hold my file and its key. They could read all I keep, and find out who wrote an anonymous post.
    .who = Whoever runs this bot
privacy-platform = Discord or Slack carry all you type, also forms and private messages. What they keep is up to them.
    .who = The chat platform
privacy-private = You and the platform see them. Other members don't. What you type to me there I don't look at, and I make no copy of it.
    .who = Direct messages and private replies
privacy-where = I never post what you put in that field. I only use it in messages to you.
    .who = Company or role
privacy-kept = Your words are encrypted. Your account's id, dates, how far you got and your settings are not. Nothing is sold or sent elsewhere.
    .who = What I keep

privacy-mine = What is stored about me
privacy-stored = What is stored about you
privacy-nothing = Nothing is stored about you.
privacy-page =
    { $pages ->
        [0] Only you can see this.
        [1] Only you can see this.
       *[other] Page { $page } of { $pages }. Only you can see this.
    }
privacy-turn =
    { $way ->
        [back] Back
       *[on] More
    }
privacy-truth =
    { $value ->
        [yes] yes
       *[no] no
    }
privacy-open-end = until you say so

privacy-forget = Forget me
privacy-ask = I'd delete all I keep about you: your nos, your plan, your settings. Your posts are taken down. I can't bring any of it back.

    What others wrote stays, and so do your words in other threads and my messages to you. If a moderator blocked you from anonymous posts, that stays too.
    .title = Forget everything?
privacy-forget_yes = Yes, forget me
privacy-keep = Keep everything
privacy-kept-all = Nothing was deleted.
privacy-forgotten = It's all deleted, and your posts are being taken down. If you ever want to come back, you start fresh. Take care.
