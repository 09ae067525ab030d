### Sharing a no: the form, the private card, taking it back.

command-rejected = Share a no. You choose who sees it.
    .where = Company and role, if you like
    .shortcut = I was rejected

rejections-share =
    .title = Share a no
    .submit = Share
    .where = Company and role
    .where-hint = Only you see this. It fills in your thank-you note.
    .stage = How far did it get?
    .story = What happened?
    .story-hint = Leave out names, links and numbers if you want to stay unknown.
    .sign = How should it be signed?
    .wish = What would help?

choice-stage =
    .no_reply = No reply
    .cv_screen = CV screen
    .recruiter_call = Recruiter call
    .assessment = Assessment
    .interview = Interview
    .final_round = Final round
    .offer_withdrawn = Offer withdrawn
    .laid_off = Laid off
choice-sign =
    .anonymous = Anonymous: under another name
    .name = With my name
    .only_me = Only me: nobody else sees it
choice-wish =
    .listen = Just listen
    .ideas = Ideas are welcome
    .log = Nothing, just log it for me

rejections-too-long = That is { $over } characters too long for the form. Up to { $limit } fit, and nothing was posted. /rejected opens it for a shorter version.
rejections-start = Share a no
rejections-note = Thank-you note
rejections-edit = Change the plan
rejections-shared =
    .title = You're not alone with this
rejections-support = the support channel
rejections-where-anonymous = People in { $jump } see it as { $name }, with the stage and your words. Your name and the company are not shown. Only you can see this message.
rejections-where-name = People in { $jump } see it with your name, the stage and your words. The company is not shown. Only you can see this message.
rejections-private = Nothing was posted. Only you can see this.
rejections-no-place = Nothing was posted: this community has no support channel yet. It's kept just for you.
rejections-plan = Plan for me
rejections-no-plan = If you'd like, I can plan a few small things for the next days. No need to answer this.
rejections-planned = That is planned already. /nudges shows what is coming.
rejections-plan-list = Over the next days I'll send you a few small things, if you want them:
rejections-plan-end = You can skip any of them. No need to answer this.

## What could identify an anonymous author

rejections-identifying = Before this goes up without your name: these words could show who you are.
    .title = This could identify you
rejections-identifying-choice = Nothing is posted yet, and your words are kept.
rejections-anyway = Post it as it is
rejections-just_me = Keep it just for me
rejections-no-draft = That was already handled, or it is too long ago. /rejected opens a new form.
rejections-unfinished = The form has changed since then, and is not complete. Your words are kept. /rejected opens it again.
rejections-blocked = A moderator has paused anonymous posts for you here. You can use your name, or keep it just for you.

## Taking it back

rejections-delete = Delete the post
rejections-delete-ask = Delete your post? Your plan stays. What others wrote in the thread stays too.
rejections-delete_yes = Yes, delete it
rejections-delete_no = Keep it
rejections-delete-kept = Your post stays where it is.
rejections-deleted = Your post is being taken down. Your plan goes on.
rejections-gone = That post isn't there any more.
