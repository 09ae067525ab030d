### Daily motivation, and one kind word at any time.

command-motivation = A kind word on the days you choose.
    .words = When, such as "8:30 weekdays", or "off"
command-encourage = A kind word now. Only you see it.

motivation-daily = Daily motivation
motivation-is =
    { $active ->
        [yes] It's on. Each one is a direct message that only you see. No need to answer.
       *[no] It's off. If you'd like, I can send you a kind word on the days you choose.
    }
motivation-time = Time
motivation-days = Days
motivation-themes = About
motivation-any = Anything that fits
motivation-next = Next
motivation-day =
    { $day ->
        [0] Monday
        [1] Tuesday
        [2] Wednesday
        [3] Thursday
        [4] Friday
        [5] Saturday
       *[6] Sunday
    }
motivation-break = You're on a break, so nothing comes until it's over.
motivation-quiet = That time is in your quiet hours. I'll wait until they end.
motivation-crowd = Many people chose about this time, and I write to one after the other. Yours comes by { $latest }.
motivation-on = Turn on
motivation-off = Turn off
motivation-change = Change
motivation-paused = Done, these stop now. If you'd like them back one day, this button or /motivation on starts them.
motivation-unclear = I didn't understand "{ $typed }", so nothing has changed. This works, for example: /motivation 8:30 weekdays

motivation-edit =
    .title = Daily motivation
    .submit = Save and turn on
    .time = At what time?
    .days = On which days?
    .days-hint = For other days, type them: /motivation mon wed fri
    .themes = What about?
    .themes-hint = Choose none for anything that fits.
motivation-time-unclear = I can't read that time. 8:30, 20:15 or 8 am work.
choice-days =
    .daily = Every day
    .weekdays = Monday to Friday
    .weekends = Saturday and Sunday
choice-themes =
    .feel_it = Feelings first
    .not_alone = You're not alone
    .self_care = Being kind to yourself
    .small_goals = One small step
    .small_wins = What you did do
    .strengths = What you're good at
    .control = What's in your hands
    .persist = Going on, at your speed
    .learn = Looking back lightly
    .tailor = Finding a good fit
    .network = People
    .thank_and_ask = Thanking and asking

## On each line

motivation-one = A kind word
motivation-another = Another one
motivation-heart = ♥ This helps
motivation-not_for_me = Not for me
motivation-pause = Stop these
motivation-rated =
    { $liked ->
        [yes] Good to know. I'll look for more like it.
       *[no] Fine. I've put this one away.
    }
motivation-gone = That one isn't here any more. /encourage has others.
