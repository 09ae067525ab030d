### What Bounceback itself says, whatever the feature.

## Forms

form-submit = Send
form-again = Open it again
form-required = Please fill this in.
form-too-long = This is { $over } characters too long. Up to { $limit } fit.
form-not-a-choice = Please choose one of the answers.

## When something does not work

already-done = That is already saved. /home shows where you are.
only-moderators = This one is for the moderators here. /help shows what I can do for you.
only-organisers = This one is for the organisers here. /help shows what I can do for you.
unknown-action = I don't know that one, or it is from an older version of me. /help shows what I can do.
failed =
    { $kept ->
        [yes] Something went wrong on my side. Your words are safe, and you can open the form again.
       *[no] Something went wrong on my side, and nothing was changed. Please try again in a minute.
    } If it keeps happening, tell an organiser this code: { $code }

## What a platform says by itself

failed-direct = I'm a program, and something in me isn't working just now. I don't look at what you type here, and I make no copy of it. If you need somebody right now, please turn to a person you trust.
platform-late = That took a moment too long, so the form could not open. This button opens it.
platform-elsewhere = I couldn't answer you under Messages, so my answer is here.
platform-removed = I'm not installed in this workspace any more. Whoever looks after it can install me again.
platform-no-server = Please use a command in your server once. From then on I know you here, too.
platform-stranger = Thank you for writing. I'm a program: I don't look at what you type here. I make no copy of it and show it to nobody. I don't know yet which server we share. Please use a command there once, and I can show you where people are. If you need somebody right now, please turn to a person you trust.

## Several things in one message

folded = Also for today, if you like:
folded-more = And { $n } more in /nudges.

## Messages that could not be delivered

missed-note =
    { $n ->
        [one] I couldn't send you a direct message, so one is waiting here.
       *[other] I couldn't send you direct messages, so { $n } are waiting here.
    }
