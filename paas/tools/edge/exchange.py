"""One request and its answer: from a client to a guest and back, both ways at once."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import h11

from paas.domain.routes import Upstream
from paas.tools.edge import headers
from paas.tools.edge.contract import SILENT
from paas.tools.edge.peer import GONE, Gone, Peer, tunnel

CONNECT_PATIENCE = 3.0
TRY_FOR = 5.0
"""Seconds for which a request that nobody has taken looks for a guest."""
TRY_AGAIN = 0.1
REPEATS = 2
"""How often a request is repeated whose guest went away without a word: it may be its fault."""
AHEAD = 256 * 1024
"""Bytes that a client may send ahead of its answer before we stop listening to it."""
BODY_PATIENCE = 60.0
"""Seconds that a client may pause within a request's body."""
SWITCHING = 101
CONTINUE = 100

Pick = Callable[[frozenset[Upstream]], Upstream | None]
"""The next guest to try, none of those that were tried already; None when there is none left."""


class Refused(Exception):
    """The request is answered by ourselves: ``status`` and a sentence for the client."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class _Unanswered(Exception):
    """The guest went away, or spoke no HTTP, before it began to answer."""


class _GuestGone(Exception):
    """The guest takes no more of the request's body; it may answer all the same."""


class Exchange:
    """Brings ``request``, whose head has been read, to a guest that ``pick`` chooses.

    ``refused`` is told of guests that cannot be connected to.
    """

    def __init__(
        self, client: Peer, request: h11.Request, pick: Pick, refused: Callable[[Upstream], None]
    ) -> None:
        self._client = client
        self._request = request
        self._pick = pick
        self._refused = refused
        self._repeats = REPEATS
        if headers.has_body(request) or request.method not in headers.IDEMPOTENT:
            self._repeats = 0

    async def run(self) -> None:
        """Answer the request; raises ``Refused`` when no guest does, ``Gone`` when the answer
        broke off or nobody waits for it, ``h11.RemoteProtocolError`` for a broken body."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TRY_FOR
        tried: frozenset[Upstream] = frozenset()
        while True:
            upstream = self._pick(tried)
            if upstream is None:
                if not tried or loop.time() > end:
                    raise Refused(503, SILENT)
                # All refused; one of them may just be starting again.
                await asyncio.sleep(TRY_AGAIN)
                tried = frozenset()
                continue
            tried |= {upstream}
            guest = await self._connect(upstream)
            if guest is not None and await self._is_answered(guest):
                return

    async def _connect(self, upstream: Upstream) -> Peer | None:
        """A connection for this request alone: one that was kept could be closed at any moment."""
        try:
            return await Peer.guest(upstream.address, upstream.port, CONNECT_PATIENCE)
        except GONE:
            self._refused(upstream)
            return None

    async def _is_answered(self, guest: Peer) -> bool:
        """False when the guest went away without a word and another may be asked the same."""
        try:
            await self._talk(guest)
        except _Unanswered:
            self._repeats -= 1
            if self._repeats >= 0:
                return False
            raise Refused(502, "The app closed the connection before it answered.") from None
        finally:
            guest.abort()
        return True

    async def _talk(self, guest: Peer) -> None:
        with _unless_gone(_Unanswered):
            await guest.send(
                h11.Request(
                    method=self._request.method,
                    target=self._request.target,
                    headers=headers.for_upstream(self._request, self._client.address),
                )
            )
        sending = asyncio.create_task(self._listen(guest))
        try:
            switching = await self._relay(guest)
        except (_Unanswered, Gone):
            if sending.done() and (reason := sending.exception()):
                raise reason from None
            raise
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        if switching:
            await self._client.send(switching)
            await tunnel(self._client, guest)

    async def _listen(self, guest: Peer) -> None:
        """Pass the request's body on, then watch the client: who has gone needs no answer."""
        try:
            with contextlib.suppress(_GuestGone):
                await self._send_body(guest)
            while len(self._client.http.trailing_data[0]) < AHEAD:
                if not await self._client.receive():
                    raise Gone
        except (Gone, h11.RemoteProtocolError):
            # The answer is not waited for any longer.
            guest.abort()
            raise
        await asyncio.Event().wait()

    async def _send_body(self, guest: Peer) -> None:
        client = self._client
        if client.http.they_are_waiting_for_100_continue:
            await client.send(h11.InformationalResponse(status_code=CONTINUE, headers=[]))
        while isinstance(event := await self._part_of_body(), h11.Data):
            with _unless_gone(_GuestGone):
                await guest.send(h11.Data(data=event.data))
        with _unless_gone(_GuestGone):
            await guest.send(h11.EndOfMessage())

    async def _part_of_body(self) -> object:
        try:
            async with asyncio.timeout(BODY_PATIENCE):
                return await self._client.event()
        except TimeoutError as error:
            raise Gone from error

    async def _relay(self, guest: Peer) -> h11.InformationalResponse | None:
        """Pass the answer on; or give it back when it turns the connection into a tunnel."""
        with _unless_gone(_Unanswered):
            head = await guest.event()
            while isinstance(head, h11.InformationalResponse) and head.status_code != SWITCHING:
                head = await guest.event()
        if isinstance(head, h11.InformationalResponse):
            kept = headers.passing(list(head.headers))
            upgrade = [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
            return h11.InformationalResponse(status_code=SWITCHING, headers=[*kept, *upgrade])
        if not isinstance(head, h11.Response):
            raise _Unanswered
        await self._client.send(self._answer(head))
        # From here on only a broken connection can tell the client that this is not all.
        with _unless_gone(Gone):
            while isinstance(event := await guest.event(), h11.Data):
                await self._client.send(h11.Data(data=event.data))
        await self._client.send(h11.EndOfMessage())
        return None

    def _answer(self, head: h11.Response) -> h11.Response:
        given = headers.for_client(head)
        if self._client.http.their_state is h11.SEND_BODY:
            # The answer came before the request's end: what is left of it is not read.
            given.append((b"connection", b"close"))
        return h11.Response(status_code=head.status_code, headers=given, reason=head.reason)


@contextlib.contextmanager
def _unless_gone(meaning: type[Exception]) -> Iterator[None]:
    try:
        yield
    except (Gone, h11.RemoteProtocolError) as error:
        raise meaning from error
