### The post that the community sees, and its thread.

thread-post =
    { $stage ->
        [no_reply] No answer came
        [cv_screen] A no to an application
        [recruiter_call] A no after a recruiter call
        [assessment] A no after an assessment
        [interview] A no after an interview
        [final_round] A no after the final round
        [offer_withdrawn] An offer was taken back
       *[laid_off] A job was lost
    }
thread-shared =
    { $stage ->
        [no_reply] { $who } applied, and no answer came.
        [cv_screen] { $who } applied, and got a no.
        [recruiter_call] { $who } got a no after a recruiter call.
        [assessment] { $who } got a no after an assessment.
        [interview] { $who } got a no after an interview.
        [final_round] { $who } got all the way to the final round, and then a no.
        [offer_withdrawn] { $who } had an offer, and it was taken back.
       *[laid_off] { $who } was laid off.
    }
thread-wish =
    { $wish ->
        [ideas] Ideas are welcome.
       *[listen] No advice needed today. A hello is plenty.
    }
thread-company = You are one of { $n } people here who shared a no this month.

thread-not_alone = { $n ->
        [0] You're not alone
       *[other] You're not alone ({ $n })
    }
thread-encourage = Encourage
thread-answer = Answer in the thread
thread-mute = No word of this thread
thread-jump = the thread

thread-beside = They can see that one more person is beside them. Your name isn't shown. Press again to take it back.
thread-not-beside = Taken back. Nobody is told.
thread-own = This one is yours. The others are here for you.

command-send-encouragement = A few kind words, into the thread of a post.
    .on-message = Send encouragement
thread-not-a-post = This message isn't a post about a no, so I don't know whose thread your words are for. On one of those posts, this opens a few lines for you.
thread-words =
    .title = A few kind words
    .words = What would you like to say?
    .words-hint = "I'm sorry" is enough. It goes into the thread, where everyone here can read it.
    .sign = How should it be signed?
thread-reply =
    .title = Answer in the thread
    .words = Your answer
    .words-hint = It appears under the same name as your post.
thread-said = { $who } says:
thread-brought = Your words are on their way to { $jump }.
thread-blocked = A moderator has paused anonymous posts for you here. You can use your name.
thread-not-yet = The thread is just being opened. Please try again in a moment. Your words are kept.
thread-not-yours = Only its author can answer here. You can write in the thread itself.
thread-gone = That post isn't there any more.

thread-answered =
    { $n ->
        [one] Somebody answered your post. You can read it in { $jump }. No need to answer.
       *[other] There are { $n } answers to your post. You can read them in { $jump }. No need to answer.
    }
    .short = Somebody answered your post
thread-muted = You won't hear about this thread again. It stays where it is.
thread-unposted = I couldn't put up your post: the support channel isn't there for me. Your words are safe with me, and only you can see them.
