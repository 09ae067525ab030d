### /moderate, and what the author of a removed post reads.

command-moderate = For moderators: look after anonymous posts.

## The posts

moderation-title = Anonymous posts
moderation-none = There are no anonymous posts right now.
moderation-unknown = Made-up names are all you see. I don't tell anyone who wrote what.
moderation-line = { $name } · { $stage } · { $when }
moderation-jump = Open the post
moderation-post = { $name }
moderation-list =
    { $way ->
        [newer] Newer
        [older] Older
       *[back] Back to the posts
    }
moderation-choices = Taking it down removes the post for everyone. Blocking its author stops their anonymous posts from now on.
moderation-gone = That post isn't there any more.

## Taking one down

moderation-remove = Take it down
moderation-ask = Take down the post by { $name }? It can't be put back. What others wrote in the thread stays. The author is told in private that a moderator did it, not which one.
moderation-remove_yes = Yes, take it down
moderation-done = The post by { $name } is being taken down. I tell its author in private. Their plan goes on.

moderation-removed = A moderator took down the anonymous post you shared on { $when }. Its words are deleted here too. I wasn't given a reason, and I told nobody that it was yours.

    Your plan goes on as before. You can ask any moderator here why, but then they know it was yours. No need to answer this.
    .short = A note about your post

## Blocks

moderation-block = Block its author
moderation-blocked = Whoever wrote as { $name } can't post without their name any more. They can still post under their own name, or keep things private. Nobody is told who it is.
moderation-blocks = Who is blocked
moderation-no-blocks = Nobody is blocked.
moderation-entry = { $name } · { $when }
moderation-lift = Lift: { $name }
moderation-lifted = That block is lifted.
