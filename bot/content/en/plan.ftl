### What people read in the days after they share a no.
###
### Each nudge-… has a body (the direct message), .title, .short (its name in the list
### of steps) and .done (the reply to Done). The days are in ../plans.toml.
###
### $where is what the person typed for company or role, and may be missing: always use
### it inside a select on $has_where. It can be "Acme" or "Data analyst at Acme", so the
### sentence must read well with both. $stage is one of no_reply, cv_screen,
### recruiter_call, assessment, interview, final_round, offer_withdrawn, laid_off.
### A body reads well for every stage whose plan holds it. Titles, short names and done
### lines use no variables.

## Right after sharing

rejections-kind =
    { $stage ->
        [no_reply] No answer is hard in its own way. You did your part, and you were left not knowing.
        [cv_screen] That stings, after the work you put in. A no at this step says nothing about who you are.
        [recruiter_call] You gave that call your time and your story. It's fine to be disappointed.
        [assessment] You gave that task real time and thought. A no after that hurts.
        [interview] You prepared, you showed up, and you talked about your work. A no after that hurts.
        [final_round] You got to the last round, and your own work took you there. A no at that point hurts a lot.
        [offer_withdrawn] You had a yes, and they took it back. That's a real loss. Being shaken or angry makes sense.
       *[laid_off] Losing a job is a real loss, and it reaches into a lot of things. The search can wait.
    }

## Thank-you note: recruiter_call, assessment, interview, final_round, offer_withdrawn

nudge-thank-you =
    { $stage ->
        [recruiter_call] You gave that call your time, and it ended in a no.
        [assessment] You worked on that task, and a no after that is tiring.
        [final_round] You got as far as the last round, and a no there hurts.
        [offer_withdrawn] You had a yes, and it was taken back. That's a lot to hold.
       *[other] You prepared and you showed up, and a no after that hurts.
    }

    { $stage ->
        [offer_withdrawn] If you'd like a calm goodbye, there's a thank-you draft you can change.
       *[other] { $has_where ->
            [yes] If you'd like, you could send a short thank-you note about { $where }. There's a draft you can change.
           *[no] If you'd like, you could send them a short thank-you note. There's a draft you can change.
        }
    } Skipping it is fine too.
    .title = A short thank-you, if you like
    .short = Write a short thank-you note
    .done = You thanked them on a hard day. That took some doing.

## Asking for feedback: recruiter_call, assessment, interview, final_round, offer_withdrawn

nudge-ask-feedback =
    { $stage ->
        [recruiter_call] Even a short call can leave you wondering why.
        [assessment] You put work into that task, so it's fair to wonder how they saw it.
        [final_round] After that many steps, it's fair to want to know more.
        [offer_withdrawn] When an offer is taken back, it's fair to wonder what changed.
       *[other] You answered their questions, so it's fair to have one of your own.
    }

    { $stage ->
        [offer_withdrawn] If you'd like, you could ask them about it in one calm line.
       *[other] { $has_where ->
            [yes] If you'd like, you could ask for feedback about { $where }.
           *[no] If you'd like, you could ask for feedback.
        }
    } There's a short draft that also asks what went well. They may not answer, and it's fine not to ask.
    .title = Asking how they saw it
    .short = Ask for feedback
    .done = You asked. Whatever comes back, the asking was yours.

## How are you: every stage

nudge-check-in =
    { $stage ->
        [no_reply] Not knowing can sit at the back of your mind all day.
        [cv_screen] Even a short email can nag at you for a while.
        [final_round] A no after the last round can take its time to settle.
        [offer_withdrawn] Losing something you already had can take a while to sink in.
        [laid_off] The days after losing a job can feel long and strange.
       *[other] A no can come back to you at odd moments.
    }

    How are you today? If you'd like company, you can find some in the community. No need to answer.
    .title = How are you today?
    .short = See how you're doing
    .done = You stopped to see how you are. That's easy to skip, and you didn't.

## Looking back: recruiter_call, assessment, interview, final_round

nudge-reflect =
    { $stage ->
        [recruiter_call] There's a little distance now between you and that call.
        [assessment] There's a little distance now between you and that task.
        [final_round] You went a long way with this one, and there's a little distance now.
       *[other] There's a little distance now between you and that interview.
    }

    If you feel up to it, note one moment that went well and one you'd change. A line for each is plenty. If today is too early, choose Later.
    .title = Looking back, briefly
    .short = Look back at how it went
    .done = You looked back honestly, and that isn't easy. You can put it down now.

## Strengths: every stage but no_reply

nudge-strengths =
    { $stage ->
        [cv_screen] Nobody can see all you do from a page or two.
        [final_round] Your own work got you to that last round, and you still have it.
        [offer_withdrawn] The yes you got came from your work, and that still counts.
        [laid_off] The job ended, and what you can do is still yours.
       *[other] A no can make it hard to see what you're good at.
    }

    If you'd like, write down one thing you do well, and a time when it showed. Nobody marks it. If today isn't the day, skip it.
    .title = What you're good at
    .short = Note one thing you do well
    .done = You named something good about yourself. That can be hard to do, and you did it.

## Practice: recruiter_call, assessment, interview

nudge-practise =
    { $stage ->
        [recruiter_call] Talking about yourself on a call is a skill, and you've used it lately.
        [assessment] Working to someone else's clock is a skill of its own.
       *[other] Saying an answer out loud is different from thinking it.
    }

    { $stage ->
        [assessment] If you'd like, try one small problem with no clock. Stop when it stops being interesting.
        [recruiter_call] If you'd like, say in four sentences what you do. Once is enough, and nobody has to hear it.
       *[other] If you'd like, pick one question and answer it out loud. Once is enough, and nobody has to hear it.
    } Later is fine too.
    .title = A little practice
    .short = Practise one small thing
    .done = You practised, and nobody made you. That's real work.

## The next one: every stage

nudge-next-application =
    { $stage ->
        [no_reply] That silence took up room, and you've carried on around it.
        [final_round] Looking again after a last round can feel like a long way back.
        [offer_withdrawn] Looking again after a yes is not easy.
        [laid_off] There's no right day to start looking again.
       *[other] Some days have passed since that no.
    }

    If it feels right, you could look for one job you'd enjoy. Looking is enough, and nothing has to be sent. If you'd rather rest, choose Later.
    .title = When you feel like looking
    .short = Look for one job you'd enjoy
    .done = You went and looked. You chose to do that, and it counts.

## Did feedback come: recruiter_call, assessment, interview, final_round, offer_withdrawn

nudge-feedback-check =
    { $has_where ->
        [yes] It's been a while now. Did any feedback come about { $where }?
       *[no] It's been a while now. Did any feedback come?
    }

    { $stage ->
        [offer_withdrawn] If it did, you can keep what's useful and drop the rest.
       *[other] If it did, you could note the one part that's useful to you.
    } If it didn't, or you never asked, that's fine too.
    .title = Did any feedback come?
    .short = See if feedback came
    .done = You looked, without knowing what you'd find. That took some nerve.

## Fit: no_reply, cv_screen

nudge-tailor =
    { $stage ->
        [no_reply] Silence says nothing about who you are.
       *[other] A no on paper says nothing about who you are.
    }

    If you'd like, lay your CV beside one advert you like. Do they ask for something you do and haven't named? If you're tired of adverts, skip this one.
    .title = Your CV and one advert, side by side
    .short = Hold your CV beside one advert
    .done = You took another careful look at your own words. That's patient work.

## Closing it oneself: no_reply

nudge-close-it =
    { $has_where ->
        [yes] Still no word about { $where }? Waiting takes energy.
       *[no] Still no answer? Waiting takes energy.
    }

    If you'd like, you can close this one yourself and stop checking. If they write one day, you can still answer.
    .title = You can stop waiting
    .short = Close it, if you're done waiting
    .done = You made that decision yourself. You don't have to wait on this one any more.

## Months later: final_round, offer_withdrawn

nudge-keep-door-open =
    { $stage ->
        [offer_withdrawn] { $has_where ->
            [yes] About { $where }: some months ago, an offer you'd earned was taken back.
           *[no] Some months ago, an offer you'd earned was taken back.
        }
       *[other] { $has_where ->
            [yes] About { $where }: some months ago, you got to the last round.
           *[no] Some months ago, you got all the way to a last round.
        }
    }

    If you'd still like to work there, you could send a short hello. If it's behind you now, let this message go by.
    .title = A hello, months later
    .short = Say hello again, months later
    .done = You wrote to them again after all this time. That took some nerve.

## Time out: laid_off, offer_withdrawn

nudge-rest =
    { $stage ->
        [laid_off] Losing a job is tiring, even on days when you do nothing.
        [offer_withdrawn] An offer taken back upsets a lot of plans, and that's tiring.
       *[other] Bad news is tiring, even on days when you do nothing.
    }

    You can take time out, and you don't have to earn it first. The search will keep. No need to answer.
    .title = Time out
    .short = Take time out
    .done = You gave yourself some room. That was your choice, and a kind one.

## People: cv_screen, laid_off

nudge-network =
    { $stage ->
        [laid_off] People you've worked with know what you're like to work with.
       *[other] A form can't ask you a question back, and a person can.
    }

    If you'd like, say hello to one person you know. It doesn't need a favour in it. Another day is fine too.
    .title = A hello to someone you know
    .short = Say hello to someone you know
    .done = You reached out. That was your half of it, and you did it.

## One small thing: no_reply, laid_off

nudge-small-goal =
    { $stage ->
        [no_reply] When you're waiting, whole weeks can go blurry.
        [laid_off] Without the job, the days can lose their edges.
       *[other] A whole job search is too big to carry at once.
    }

    If you'd like, choose one small thing for this week. It doesn't have to be about work. Choosing nothing is fine too.
    .title = One small thing
    .short = Choose one small thing for the week
    .done = You chose something, and you did it. That was your effort.

## Drafts, for sending to the employer. The person edits them before anything is sent.
## $where stands in the subject line only, where any wording of it reads well.

thank-you-draft =
    { $has_where ->
        [yes] Subject: Thank you ({ $where })
       *[no] Subject: Thank you
    }

    Hello [name],

    { $stage ->
        [recruiter_call] Thank you for our talk. I enjoyed hearing more about the work and what you are looking for.
        [assessment] Thank you for inviting me to do the assessment. I enjoyed working on it, and I appreciate the time you took to read it.
        [final_round] Thank you for your time in every round, and please pass my thanks to the team. I enjoyed meeting you all.
        [offer_withdrawn] Thank you for letting me know, and for the time you and the team gave me. I had been looking forward to joining you.
       *[other] Thank you for meeting me for the interview. I enjoyed hearing more about the role and how you work.
    }

    { $stage ->
        [offer_withdrawn] I am sorry that it could not go ahead. I especially liked [something you liked], and I think well of the people I met.
       *[other] I am sorry that it did not work out this time, and I understand your decision. I especially liked [something you liked].
    }

    If a role comes up that suits my experience in [your field], I would be glad to hear from you. I wish you and the team well.

    Kind regards,
    {"["}your name]

feedback-draft =
    { $has_where ->
        [yes] Subject: A short question ({ $where })
       *[no] Subject: A short question
    }

    Hello [name],

    { $stage ->
        [recruiter_call] Thank you for our talk. If you have a minute, what came across well, and what is one thing I could do better?
        [assessment] Thank you for looking at my assessment. If you have a minute, what worked well in it, and what is one thing I could do better?
        [final_round] Thank you for your time up to the final round. If you have a minute, what went well, and what is one thing I could do better?
        [offer_withdrawn] Thank you for your time. If you are able to share it, what changed after the offer? I would also like to know what had gone well.
       *[other] Thank you for the interview. If you have a minute, what went well, and what is one thing I could do better?
    }

    One or two lines would be plenty, and I understand if you cannot reply.

    Kind regards,
    {"["}your name]
