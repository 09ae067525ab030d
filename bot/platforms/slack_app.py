"""slack-bolt's AsyncApp, with one generic listener for each sort of payload.

Every listener acks first and hands the payload on; only a form and a list of completions are acked with
their answer. ``process_before_response`` is set because a listener here is done at once: Bolt then sends
the ack when it returns, instead of looking every ten milliseconds whether it was called.

Bolt's own ``authorize`` would ask Slack who the bot is before each ack, and lose the event when Slack does
not answer; ours reads the workspace's token, and leaves the rest to whoever needs it.

slack-bolt and slack_sdk write payloads, and so what people wrote, into their logs: theirs are switched off
(``QUIET``, ``hush``); what matters for operators is logged here, without names.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.error import BoltError
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import ChatError
from bot.platforms.slack_answers import Answers
from bot.platforms.slack_installs import Installs

Json = dict[str, Any]
log = structlog.get_logger(__name__)

ANY = re.compile("")  # every command, action_id, callback_id, event type
INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"

QUIET = logging.getLogger("bounceback.slack.libraries")
QUIET.disabled, QUIET.propagate = True, False
QUIET.setLevel(logging.CRITICAL + 1)


def hush() -> None:
    """Switch the libraries' own logs off: they hold payloads, tokens and what people wrote."""
    for name in ("slack_sdk", "slack_bolt"):
        logger = logging.getLogger(name)
        logger.propagate = False  # Bolt sets the levels of those below it by itself
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


class Authorize(AsyncAuthorize):
    """Bolt's question whose request it is, answered without asking Slack."""

    def __init__(self, installs: Installs) -> None:
        super().__init__()
        self._installs = installs

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult:
        """Never nothing: a workspace without a token is acked as well, and gets no answer."""
        token = None
        try:
            token = await self._installs.token(team_id or "")
        except ChatError as error:
            log.info("not installed there", reason=error.reason)
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)


def oauth(
    installs: Installs,
    client: AsyncWebClient,
    client_id: str,
    client_secret: str,
    public_url: str,
    scopes: list[str],
) -> AsyncOAuthFlow:
    """Slack's OAuth for many workspaces, as Bolt does it; pages and states are Bolt's, tables ours."""
    return AsyncOAuthFlow(
        client=client,
        logger=QUIET,
        settings=AsyncOAuthSettings(
            client_id=client_id,
            client_secret=client_secret,
            scopes=scopes,
            user_scopes=[],
            redirect_uri=public_url.rstrip("/") + REDIRECT,
            install_path=INSTALL,
            redirect_uri_path=REDIRECT,
            installation_store=installs,
            installation_store_bot_only=True,
            state_store=installs,
            callback_options=AsyncCallbackOptions(success=_installed, failure=_not_installed),
            logger=QUIET,
        ),
    )


async def _installed(args: AsyncSuccessArgs) -> BoltResponse:
    """Bolt's page."""
    return await args.default.success(args)


async def _not_installed(args: AsyncFailureArgs) -> BoltResponse:
    """Bolt's page, with our words (see ``Installs.async_save_bot``) where Bolt says "storage_error"."""
    if isinstance(args.error, BoltError):
        args.reason, args.suggested_status_code = str(args.error), 400
        log.warning("not installed", reason=args.reason)
    return await args.default.failure(args)


def bolt(
    answers: Answers,
    installs: Installs,
    client: AsyncWebClient,
    *,
    signing_secret: str = "",
    flow: AsyncOAuthFlow | None = None,
    before: AsyncMiddleware | None = None,
) -> AsyncApp:
    """The app. ``before`` runs right after the signature is verified (HTTP mode)."""
    app = AsyncApp(
        name="bounceback.slack",
        logger=QUIET,
        client=client,
        signing_secret=signing_secret,
        authorize=Authorize(installs),
        oauth_flow=flow,
        before_authorize=before,
        process_before_response=True,
        ignoring_self_events_enabled=False,  # messages of bots are left out in slack_events
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    _listen(app, answers)
    return app


def _listen(app: AsyncApp, answers: Answers) -> None:
    async def command(ack: AsyncAck, body: Json) -> None:
        await ack()
        answers.command(body)

    async def press(ack: AsyncAck, body: Json) -> None:
        await ack()
        answers.press(body)

    async def shortcut(ack: AsyncAck, body: Json) -> None:
        await ack()
        answers.shortcut(body)

    async def event(ack: AsyncAck, body: Json) -> None:
        await ack()
        answers.event(body)

    async def submitted(ack: AsyncAck, body: Json) -> None:
        told = await answers.submission(body)
        await ack(**told)

    async def closed(ack: AsyncAck) -> None:
        await ack()

    async def options(ack: AsyncAck) -> None:
        await ack(options=[])  # no form of ours has a list that asks; what asks all the same is acked

    async def failed(error: Exception, request: AsyncBoltRequest) -> BoltResponse:
        log.error("listener failed", error=type(error).__name__, mode=request.mode)
        return BoltResponse(status=200 if request.mode == "socket_mode" else 500)

    on: Any = app  # its decorators are not typed
    on.command(ANY)(command)  # Bolt asks one listener after the other: the frequent ones first
    on.action(ANY)(press)
    on.view_submission(ANY)(submitted)
    on.event(ANY)(event)
    on.shortcut(ANY)(shortcut)
    on.view_closed(ANY)(closed)
    on.options(ANY)(options)
    on.error(failed)
