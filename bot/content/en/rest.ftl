### Taking a break.

command-break = Pause everything for a while.
    .time = How long, such as "3 days"

rest-take = Take a break
rest-choose = How long would you like it to be quiet here? Your plan waits for you.
rest-for =
    { $time ->
        [day] One day
        [days] Three days
        [week] A week
       *[open] Until I say so
    }
rest-back = I'm back
rest-resumed = Good to see you. Your plan goes on from where it stopped.
rest-taken = Your break has begun
rest-until = I'll be quiet until { $when }. Your plan moves along with it, so you miss nothing.
rest-open = I'll be quiet until you say so. Your plan waits, and you miss nothing.
rest-none = You aren't on a break right now.
rest-unclear = I didn't understand how long. "3 days", "a week" or "2 hours" work, for up to a year.
rest-kind =
    { $n ->
        [0] Rest is part of it. Nobody keeps going without.
        [1] You don't have to earn a break. Wanting one is enough.
        [2] A walk, a film, an early night: it can be small.
        [3] The search can wait a little. You come first.
        [4] Stopping for a while is a decision, and it's a sound one.
       *[5] Let the days be ordinary for a bit. That does more than it seems.
    }
