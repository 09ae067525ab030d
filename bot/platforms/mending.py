"""What has to be mended in a form, where a platform cannot say it inside the form itself."""

from __future__ import annotations

from bot.ui import Card, Fact, Form, Tone


def mend(form: Form) -> Card:
    """What has to be mended in a form, as a card, with ``Form.again`` as the way back to it."""
    wrong = tuple(
        Fact(field.label or field.name, field.error) for field in form.fields if field.error.strip()
    )
    buttons = (form.again,) if form.again else ()
    return Card(title=form.title or form.id, tone=Tone.PROBLEM, fields=wrong, buttons=buttons)
