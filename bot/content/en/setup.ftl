### /setup, for organisers; and what they read when something needs mending.

command-setup = For organisers: choose the channels and what people start from.

setup-edit =
    .title = Set up Bounceback
    .submit = Save
    .support = Where do posts about a no go?
    .support-hint = A channel that all your members can read.
    .wins = Where do wins go?
    .wins-hint = You can leave this empty.
    .moderation = Where do you want to hear of problems?
    .moderation-hint = Best a channel that only your team can read.
    .sign = How is a post signed at first?
    .sign-hint = Everybody can choose anew for each post.
    .plan = Does a small plan follow each no?
    .plan-hint = A few private messages over the next days. Each can be skipped.

choice-plan =
    .on = Yes, by itself
    .off = Only for those who ask for it

setup-title = Bounceback here
setup-fact =
    .support = Posts about a no
    .wins = Wins
    .moderation = Problems
    .sign = Signed at first
    .plan = A plan after each no
setup-channel =
    .support = the support channel
    .wins = the wins channel
    .moderation = the moderation channel
    .one = one of your channels
setup-no-place = No channel yet
setup-none = No channel is chosen yet. Until then /rejected keeps everything private.
setup-ready = That's all saved, and I can post in these channels. A test post shows it.
setup-missing = That's saved, but I can't do everything yet. This is missing:
setup-lacks = In { $channel }: { $permission }
setup-gone = { $channel }: I can't find it any more
setup-mend =
    { $platform ->
        [discord] You can change that in the channel's settings, under its permissions. Then press Check again.
       *[other] When that is done, press Check again.
    }
setup-unsure = I couldn't look at every channel just now. Please press Check again in a minute.
setup-no-channel = I can't post there. Please choose another channel.
setup-change = Change
setup-check = Check again

## A test post

setup-test = Send a test post
setup-testing = The test post is on its way to { $channel }. Everybody there can see it, and you can delete it there.
setup-try = Only a test: nothing happened to anybody, and nobody needs to answer. When somebody here shares a no, it stands in this place.
    .title = A test post
setup-remove = Delete the test
setup-removed = The test post is being taken down.

## What only organisers can mend

setup-trouble =
    .title = Something here needs an organiser
setup-waiting = A post for { $channel } can't go out. The reason I was given: { $reason }.
setup-kept = Nothing is lost: posts wait with me and go out once this is mended. I'll say so once a day at most.
discord-permissions = I can't post in { $channel }. What I lack there: { $permissions }. You can give it to me in the channel's settings, under Permissions.
discord-channel-gone = I can't find the channel { $channel } any more. With /setup you can choose another one.
discord-tag-required = The forum { $channel } wants a tag on every post, and none of its tags fits. You can switch that off in the forum's settings, or name a tag "interview" or "application".
discord-cannot = I can't post in { $channel }. The reason Discord gave: { $reason }.
slack-invite = I'm not in { $channel }, so I can't post there. You can let me in: type { $invite } in that channel.
slack-channel-gone = I can't find { $channel } any more. If it is private, type { $invite } in it. If it is gone, /setup lets you choose another one.
slack-archived = { $channel } is archived, so I can't post there. You can unarchive it, or choose another channel with /setup.
slack-restricted = In { $channel } only some people may post, and I'm not one of them. You can change that: press the channel's name, then Settings, and Edit beside Posting permissions.
slack-scope = I lack a permission in this workspace: { $scope }. Whoever looks after the app can add it at api.slack.com/apps, under OAuth & Permissions, and install the app again.
slack-cannot = I can't post in { $channel }. The reason Slack gave: { $reason }.
