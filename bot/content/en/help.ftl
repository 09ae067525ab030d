### /help: what somebody needs, and the command for it.

command-help = What I can do for you.
help-title = What do you need?
help-needs =
    I just got a no: /rejected
    I need a break: /break 3 days
    What is planned for me: /nudges
    A kind word now: /encourage
    A kind word each day: /motivation on 08:30
    My plan and my posts: /home
    Who can see what: /privacy
    Change times or quiet hours: /settings
help-moderators = Look after anonymous posts: /moderate
help-organisers = Set up this community: /setup
help-who-sees = Only you can see this. Nobody here sees which commands you use.
