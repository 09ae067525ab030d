### How each person wants to be spoken to.

command-settings = Your time zone, quiet hours and messages a day.
    .zone = Your time zone, such as Berlin

settings-title = Your settings
settings-private = Only you see these.
settings-fact =
    .zone = Time zone
    .quiet = Quiet hours
    .per_day = Messages
    .language = Language
    .break = Break
settings-from =
    { $source ->
        [app] (from your app)
       *[community] (set for everyone here)
    }
settings-zone-now = { $zone }, { $time } there now
settings-quiet = { $start } to { $end }
settings-no-quiet = None
settings-no-break = No break right now
settings-break = On until { $when }
settings-break-open = On until you say so
settings-show = My settings
settings-change = Change

settings-edit =
    .title = Your settings
    .submit = Save
    .zone = Time zone
    .zone-hint = A city is enough, such as Berlin or New York.
    .quiet_from = Quiet from
    .quiet_from-hint = I send you no direct messages in these hours.
    .quiet_to = Quiet until
    .quiet_to-hint = The same time twice means no quiet hours.
    .per_day = How many messages a day?
    .per_day-hint = What you asked for at a set time always comes.
    .language = Language
choice-per_day =
    .one = One a day is plenty
    .two = Up to two a day
    .three = Up to three a day
    .four = Up to four a day
    .five = Up to five a day

settings-saved = Saved
settings-unchanged = Nothing has changed. Everything is as you had it.
settings-zone-changed = Your time zone is { $zone } now. It's { $time } there. What's planned for you follows it.
settings-quiet-changed = Your quiet hours are { $start } to { $end }. What falls in them waits until they end.
settings-quiet-ended = You have no quiet hours now. Messages may come by day or night.
settings-per_day-changed =
    { $n ->
        [one] I'll send you one message a day at most.
       *[other] I'll send you up to { $n } messages a day.
    } What you asked for at a set time always comes.
settings-language-changed = I'll speak English with you.
settings-time-unclear = I can't read that time. 22:00, 7:30 or 8 am work.
settings-zone-unknown =
    { $n ->
        [0] I don't know that time zone, so nothing has changed. A big city near you works, such as Berlin or New York.
        [one] I don't know that time zone, so nothing has changed. Is it { $near }?
       *[other] I don't know that time zone, so nothing has changed. Is it one of these: { $near }?
    }
