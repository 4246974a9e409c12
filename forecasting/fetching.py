"""The one way to a service on the network: bounded waiting, repeated attempts, checked and kept answers, clear errors.

An attempt that fails in passing (no connection, no answer in time, half an answer, 429, 5xx) is repeated with
growing pauses, or the pause the service asks for. What was refused is not repeated. Answers are kept on disk: a
fresh one is reused, and when the service fails the last good one stands in, with its own time and a note.

Keys of a service go into `secret_query` and `secret_headers`. They are sent, and appear nowhere else: not in names
or contents of kept files, not in messages, not in logs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from forecasting.errors import AnswerError, ForecastError, UnavailableError
from forecasting.replies import Reply, quiet_logs, reason_in, retry_after_s

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")
ATTEMPTS = 4
LONGEST_WAIT_S = 60.0
MOST_BYTES = 64 * 2**20
KEPT_ANSWERS = 24  # of one question
JITTER = 0.25  # of the pause: many parks that were cut off together do not come back together
PASSING_STATUS = frozenset({408, 425, 429})


@lru_cache(maxsize=1)
def user_agent() -> str:
    """How requests introduce themselves."""
    from importlib import metadata

    try:
        version = metadata.version("parkwatt")
    except metadata.PackageNotFoundError:
        version = "0"
    return f"parkwatt/{version} (+https://pypi.org/project/parkwatt)"


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted; reading them takes longer than most answers, so it is done once."""
    import httpx

    return httpx.create_ssl_context()


@dataclass(frozen=True)
class Ask:
    """One question.

    Attributes:
        path: after the service's address.
        query: parameters without keys.
        varying: names of parameters that change with the clock; kept answers are found without them.
        serves: whether a kept answer serves, from its parameters and its time.
        kept_as: what kept answers are found by instead of the path, where that changes with the clock.
    """

    path: str
    query: Mapping[str, str]
    varying: frozenset[str] = frozenset()
    serves: Callable[[Mapping[str, str], pd.Timestamp], bool] = lambda _query, _at: True
    kept_as: str = ""


@dataclass(frozen=True)
class Fetched(Generic[T]):
    """What was read from an answer, when that answer came, and what a reader should know about it."""

    value: T
    at: pd.Timestamp
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """One service and how it is asked.

    Attributes:
        what: what messages say it gives, such as "weather".
        base_url: address that paths are put behind.
        cache_folder: where answers are kept; None keeps nothing.
        timeout_s: longest silence; `deadline_s`: longest time for all attempts together [s].
        most_bytes: longest answer.
        secret_query, secret_headers: keys, sent with each request.
        key_from: where a user sets the key, for messages.
        seed: of the jitter in the pauses.
    """

    what: str
    base_url: str
    cache_folder: Path | None = None
    timeout_s: float = 20.0
    deadline_s: float = 180.0
    most_bytes: int = MOST_BYTES
    secret_query: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_from: str = ""
    seed: int = 0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False, repr=False)

    @property
    def address(self) -> str:
        """The address as messages show it: without name, password and parameters."""
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ForecastError(
                f"{self.what}: {self.base_url!r} is not an address; give one that begins with https:// or http://"
            )
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"

    @property
    def place(self) -> str:
        """How messages begin."""
        return f"{self.what} from {self.address}"

    def json(self, ask: Ask) -> Any:
        """The answer as JSON."""
        return self.send(ask, self.as_json)

    def send(self, ask: Ask, read: Callable[[Reply], T], passing: frozenset[int] = frozenset({200})) -> T:
        """What `read` makes of an answer whose status is in `passing`.

        Raises:
            UnavailableError: all attempts failed, or the pause asked for is too long.
            AnswerError: the answer is not as documented.
            ForecastError: the request was refused.
        """
        until = time.monotonic() + self.deadline_s
        attempt = 0
        while True:
            try:
                return read(self._once(ask, passing, until))
            except UnavailableError as failure:
                pause_s = self._pause_s(ask, attempt) if failure.wait_s is None else failure.wait_s
                attempt += 1
                if attempt >= ATTEMPTS or pause_s > LONGEST_WAIT_S or time.monotonic() + pause_s > until:
                    raise
                self.sleep(pause_s)

    def _pause_s(self, ask: Ask, attempt: int) -> float:
        """1, 2, 4 … s and up to a quarter more, the same for the same question."""
        digest = hashlib.sha256(json.dumps([self.address, ask.path, sorted(ask.query.items())]).encode()).digest()
        share = np.random.default_rng([self.seed, attempt, int.from_bytes(digest[:8], "big")]).random()
        return float(2.0**attempt * (1 + JITTER * share))

    def _once(self, ask: Ask, passing: frozenset[int], until: float) -> Reply:
        import httpx

        address = self.address
        url = f"{self.base_url.rstrip('/')}{ask.path}"
        headers = {"User-Agent": user_agent(), **self.secret_headers}
        query = {**ask.query, **self.secret_query}
        timeout_s = max(min(self.timeout_s, until - time.monotonic()), 1e-3)
        try:
            with (
                quiet_logs(self._secrets),
                httpx.stream("GET", url, params=query, headers=headers, timeout=timeout_s, verify=_trusted()) as answer,
            ):
                body = self._body(answer, until)
                reply = Reply(answer.status_code, body, answer.headers.get("content-type", ""))
                wait_s, moved = retry_after_s(answer.headers), answer.headers.get("location")
        except httpx.InvalidURL as error:
            raise ForecastError(f"{self.what}: {address!r} is not an address: {error}") from None
        except httpx.HTTPError as error:
            # The library's own text may hold the address with its keys: its kind is enough.
            raise UnavailableError(f"{self.place}: no answer ({type(error).__name__})") from None
        if reply.status not in passing:
            self._refuse(reply, wait_s, moved)
        return reply

    def _body(self, answer: httpx.Response, until: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_bytes():
            size += len(part)
            parts.append(part)
            if size > self.most_bytes:
                raise AnswerError(f"{self.place}: the answer is longer than {self.most_bytes} bytes")
            if time.monotonic() > until:
                raise UnavailableError(f"{self.place}: no whole answer within {self.deadline_s:g} s")
        return b"".join(parts)

    def _refuse(self, reply: Reply, wait_s: float | None, moved: str | None) -> None:
        said = self.without_keys(reason_in(reply.text))
        said = f": {said}" if said else ""
        if reply.status in PASSING_STATUS or reply.status >= 500:
            raise UnavailableError(f"{self.place}: answer {reply.status}{said}", wait_s)
        if 300 <= reply.status < 400:
            to = urlsplit(moved or "").hostname or "elsewhere"
            raise ForecastError(f"{self.place}: answer {reply.status}, it has moved to {to}; give that address")
        key = f"; its key comes from {self.key_from}" if self.key_from and reply.status in (401, 403) else ""
        raise ForecastError(f"{self.place}: request refused, {reply.status}{said}{key}")

    @property
    def _secrets(self) -> tuple[str, ...]:
        return tuple(value for value in (*self.secret_query.values(), *self.secret_headers.values()) if value)

    def without_keys(self, text: str) -> str:
        """The text with the service's keys blotted out; some services repeat them in their errors."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    def as_json(self, reply: Reply) -> Any:
        """The answer's JSON; what is cut off or a web page counts as no answer."""
        if reply.text.lstrip()[:1] == "<":
            raise UnavailableError(f"{self.place}: the answer is a web page, not JSON")
        try:
            return json.loads(reply.text)
        except ValueError:
            raise UnavailableError(f"{self.place}: the answer is not whole JSON") from None

    def fetched(
        self,
        ask: Ask,
        now: pd.Timestamp,
        fresh_for_min: float,
        read: Callable[[Any], T],
        parse: Callable[[Reply], Any] | None = None,
    ) -> Fetched[T]:
        """What `read` makes of an answer: a kept one that is fresh, a new one, or the last good one.

        `parse` makes of an answer what is kept; by default its JSON. With an own one the status 400 passes, too, as
        some services say so that they have nothing.

        Raises ForecastError where the request is refused, or nothing at all can be had.
        """
        kept = next(self._kept(ask, now, read), None)
        if kept is not None and now - kept.at <= pd.Timedelta(minutes=fresh_for_min):
            return kept
        try:
            body = self.json(ask) if parse is None else self.send(ask, parse, frozenset({200, 400}))
            value = read(body)
        except (UnavailableError, AnswerError) as failure:
            if kept is None:
                text = f"{failure}, and no earlier run is kept for this place"
                raise type(failure)(text) from failure
            note = f"{failure}; the run of {kept.at:%Y-%m-%dT%H:%MZ} stands in"
            return Fetched(kept.value, kept.at, (note,))
        self._keep(ask, now, body)
        return Fetched(value, now)

    def _stem(self, ask: Ask) -> str:
        same = sorted((name, value) for name, value in ask.query.items() if name not in ask.varying)
        text = json.dumps([self.address, ask.kept_as or ask.path, same])
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def _keep(self, ask: Ask, at: pd.Timestamp, body: Any) -> None:
        if self.cache_folder is None:
            return
        self.cache_folder.mkdir(parents=True, exist_ok=True)
        stem = self._stem(ask)
        path = self.cache_folder / f"{stem}-{at.tz_convert('UTC'):%Y%m%dT%H%M%SZ}.json"
        part = path.with_suffix(".part")
        content = {"query": dict(ask.query), "issue_time": at.isoformat(), "body": body}
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(path)
        for old in sorted(self.cache_folder.glob(f"{stem}-*.json"))[:-KEPT_ANSWERS]:
            old.unlink(missing_ok=True)

    def _kept(self, ask: Ask, now: pd.Timestamp, read: Callable[[Any], T]) -> Iterator[Fetched[T]]:
        """Kept answers to this question that came by `now` and serve, the latest first.

        Damaged files are passed over.
        """
        if self.cache_folder is None or not self.cache_folder.is_dir():
            return
        for path in sorted(self.cache_folder.glob(f"{self._stem(ask)}-*.json"), reverse=True):
            try:
                kept = json.loads(path.read_text(encoding="utf-8"))
                at = pd.Timestamp(kept["issue_time"]).tz_convert("UTC")
                if at <= now and ask.serves(kept["query"], at):
                    yield Fetched(read(kept["body"]), at)
            except (OSError, ValueError, KeyError, TypeError):
                continue
