### /home: what is coming and what has been.

command-home = What is coming up for you, and your posts.
home-show = Home

home-new = Good that you're here. When a no comes, you can put it down here and choose who sees it. I'll then offer a few small things over the next days.

    Nothing is planned, and nothing is expected of you. If a no is on your mind now, "Share a no" is where to start.
    .title = Welcome
home-title = Where you are
home-only-you = Only you can see this.

home-break = You're on a break until { $when }. Your plan waits.
home-today = Today
home-later = Coming up

home-posts =
    { $more ->
        [0] Your posts of the last 30 days
       *[other] Your newest posts of the last 30 days, and { $more } more
    }
home-shared =
    { $n ->
        [one] You put one no into words here.
       *[other] You put { $n } nos into words here.
    }
home-beside =
    { $n ->
        [one] One person stood beside you.
       *[other] { $n } people stood beside you.
    }
home-given =
    { $n ->
        [one] You were there for somebody else, too.
       *[other] You were there for others { $n } times.
    }
