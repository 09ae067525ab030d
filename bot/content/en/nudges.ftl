### What is planned: the list, and the buttons of each nudge.

command-nudges = See what is planned for you, and change it.
    .page = Page

nudges-list = See the plan
    .title = What is planned for you
nudges-none = Nothing is planned for you right now.
nudges-choose = Choose one to move it or let it go.
nudges-planned = Planned for:
nudges-waits = waits for you
nudges-paused = Everything is paused until you say so.
nudges-break = You're on a break until { $when }. This is what comes after.
nudges-turn =
    { $way ->
        [back] Earlier
        [on] More
       *[list] Back to the list
    }
nudges-skip = Skip this one
nudges-cancel = Cancel this whole plan
nudges-cancelled =
    { $n ->
        [one] Cancelled. That message won't come.
       *[other] Cancelled. Those { $n } messages won't come.
    }
nudges-pause = Pause all
nudges-all-paused = Everything is paused. Nothing comes until you say so.
nudges-resume = Go on
nudges-resumed = It goes on from where it stopped, one thing at a time.

nudges-ask = I've written a few times, and it's been quiet. That's fine. Would you like me to go on? Until you answer, I won't write again.
nudges-go_on = Yes, go on
nudges-stop = No, stay quiet
nudges-stopped = I'll stay quiet. /nudges brings it all back, whenever you like.

nudges-missed = What you missed
nudges-missed-some = These couldn't reach you by direct message. To get them there, allow direct messages from this community.
nudges-missed-none = Nothing is waiting. You're up to date.

## On each nudge

plan-done = Done
plan-later = Later
plan-skip = Skip
plan-draft = Open the draft
plan-back = Back
plan-snooze =
    { $choice ->
        [hours] In three hours
        [tomorrow] Tomorrow
        [days] In three days
       *[week] In a week
    }
plan-when = When would suit you?
plan-snoozed = Fine. It comes back { $when }.
plan-snoozed-waits = Fine. It waits with everything else, until you say so.
plan-skipped = Skipped. That's fine.
plan-settled = That one is settled already.
plan-gone = That one isn't there any more.
plan-note =
    .title = A note to start from
    .submit = Ready
    .note = Your note
    .note-hint = Change anything. The parts in [brackets] are yours to fill in.
plan-ready = Ready to copy
plan-copy = Copy it and send it yourself. I never write to employers, and I keep no copy.
