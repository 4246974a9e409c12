"""Credentials that are none: thousands of damaged keys and tokens, and the time that wrong ones take."""

from __future__ import annotations

import base64
import http.client
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.rows import row
from benchmarks.served import Served, served
from dispatch.service.errors import UnauthorizedError
from dispatch.service.http.tokens import Doorkeeper

INPUTS = ("dispatch/service/http", "dispatch/service/store", "benchmarks/topics/service/credentials.py")
MANY = 10_000
ROUNDS = 40_000
_UNLIMITED = 10**9
_VISIBLE = "".join(map(chr, range(33, 127)))
_LATIN = "".join(map(chr, range(161, 256)))
_TRIMMED = 0.1  # of either end: pauses of the machine, which say nothing of the two paths
# Of a normal distribution: 95 % of one side, and what has to be added for a power of 90 %.
_Z95, _Z90 = 1.6449, 1.2816


def damaged(whole: str, random_: random.Random) -> str:
    """A credential that is nearly this one."""
    at, other = random_.randrange(len(whole)), random_.randrange(len(whole))
    first, second = sorted((at, other))
    swapped = f"{whole[:first]}{whole[second]}{whole[first + 1 : second]}{whole[first]}{whole[second + 1 :]}"
    return random_.choice(
        [
            whole[:at],
            whole[:at] + random_.choice(_VISIBLE) + whole[at:],
            whole[:at] + random_.choice(_VISIBLE) + whole[at + 1 :],
            whole[:at] + random_.choice(_LATIN) + whole[at + 1 :],
            whole.swapcase(),
            whole + random_.choice([".", "_", "=", whole, "A" * 5000]),
            whole if first == second else swapped,
            "".join(random_.choices(_VISIBLE + _LATIN, k=random_.randrange(200))),
        ]
    )


def forged(token: str, random_: random.Random) -> str:
    """An access token with another head or other claims."""
    head, claims, signature = token.split(".")
    heads = [
        {"alg": "none"}, {"alg": "HS256"}, {"alg": "HS256", "kid": None}, {"alg": "HS256", "kid": ["a"]},
        {"alg": "RS256", "kid": "x"}, {"alg": 7}, {"alg": "HS256", "kid": "x", "crit": ["exp"]}, [], "x", 1e300, None,
        {"alg": "HS256", "kid": "\ud800"}, {"alg": "HS512"}, {"alg": "HS256", "jwk": {"k": "AAAA"}},
    ]  # fmt: skip
    inside = [{"sub": 1}, {"exp": "x"}, {"exp": 1e300}, {"scope": {}}, [], "x", None, {"tenant": "\ud800"}]
    kind = random_.randrange(3)
    if kind == 0:
        return f"{_part(random_.choice(heads))}.{claims}.{signature}"
    if kind == 1:
        return f"{head}.{_part(random_.choice(inside))}.{signature}"
    return f"{_part(random_.choice(heads))}.{_part(random_.choice(inside))}.{random_.choice(['', signature, 'AAAA'])}"


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def wrong_headers(key: str, token: str, count: int, seed: int) -> Iterator[str]:
    """So many values of Authorization that let nobody in."""
    random_ = random.Random(seed)
    good = {key, token}
    made = 0
    while made < count:
        whole = random_.choice((key, token))
        credential = forged(token, random_) if random_.random() < 0.25 else damaged(whole, random_)
        scheme = random_.choice(("Bearer", "Bearer", "Bearer", "bearer", "Basic", "Token", "", "Bearer Bearer"))
        text = f"{scheme} {credential}".strip()
        if credential.strip() not in good or scheme.lower() != "bearer":
            made += 1
            yield text


@dataclass(frozen=True)
class Refusals:
    """Answers to wrong credentials: sent, those of another status than 401 or without a challenge, and those of 500."""

    sent: int
    others: tuple[str, ...]
    failed: int


def refusals(server: Served, count: int, seed: int = 1) -> Refusals:
    """Send so many wrong credentials over one connection."""
    tenant = server.tenant()
    key = server.key(tenant)
    doorkeeper: Doorkeeper = server.app.state.doorkeeper
    token = doorkeeper.token(doorkeeper.by_secret(key[3:33], key[34:]), ["keys:read"])
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    sent, others, failed = 0, [], 0
    for text in wrong_headers(key, token, count, seed):
        connection.putrequest("GET", "/api/v1/keys")
        connection.putheader("Authorization", text.encode("latin-1"))
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        sent += 1
        failed += answer.status == 500
        if answer.status != 401 or not str(answer.getheader("WWW-Authenticate")).startswith("Bearer"):
            others.append(f"{answer.status}: {text[:80]!r}")
    connection.close()
    return Refusals(sent, tuple(others), failed)


@cache
def _refused() -> Refusals:
    with tempfile.TemporaryDirectory() as made, served(Path(made), requests_per_minute=_UNLIMITED) as server:
        return refusals(server, MANY)


_WRONG = "wrong credentials (damaged and forged keys and tokens)"


@row("service", name=f"{_WRONG}: sent", unit="requests", bar=f">= {MANY}", slow=True, inputs=INPUTS)
def wrong_sent() -> int:
    return _refused().sent


@row("service", name=f"{_WRONG}: answers that are not 401 with a challenge", unit="answers", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def wrong_let_in() -> int:
    return len(_refused().others)


@row("service", name=f"{_WRONG}: answers of 500", unit="answers", bar="== 0", slow=True, inputs=INPUTS)
def wrong_failed() -> int:
    return _refused().failed


@dataclass(frozen=True)
class Timing:
    """Two ways to be wrong, timed in turns.

    Attributes:
        difference_us: of their trimmed means.
        error_us: standard error of it.
    """

    difference_us: float
    error_us: float

    @property
    def bound_us(self) -> float:
        """What the difference is below, with 95 % confidence on either side."""
        return abs(self.difference_us) + _Z95 * self.error_us

    @property
    def detectable_us(self) -> float:
        """The smallest true difference that nine of ten such measurements would tell from none."""
        return (_Z95 + _Z90) * self.error_us


def compared(one: Callable[[], object], other: Callable[[], object], rounds: int, seed: int = 1) -> Timing:
    """Time two calls in turns, the first of each pair by chance: what slows the machine down meets both alike."""
    random_ = random.Random(seed)
    taken: tuple[list[float], list[float]] = ([], [])
    calls = (one, other)
    for _ in range(rounds):
        for which in random_.sample((0, 1), 2):
            began = time.perf_counter_ns()
            calls[which]()
            taken[which].append((time.perf_counter_ns() - began) / 1e3)
    means, errors = zip(*map(_trimmed, taken), strict=True)
    return Timing(means[0] - means[1], (errors[0] ** 2 + errors[1] ** 2) ** 0.5)


def _trimmed(values: list[float]) -> tuple[float, float]:
    """Trimmed mean and its standard error, by the winsorised variance (Yuen 1974)."""
    ordered, cut = sorted(values), int(_TRIMMED * len(values))
    kept = ordered[cut : len(ordered) - cut]
    winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
    return statistics.fmean(kept), statistics.stdev(winsorised) / ((1 - 2 * _TRIMMED) * len(values) ** 0.5)


def unknown_against_wrong(server: Served, rounds: int) -> Timing:
    """An id that nobody has against a wrong secret of a key that is there, where both are looked at."""
    doorkeeper: Doorkeeper = server.app.state.doorkeeper
    key = server.key(server.tenant())
    wrong = f"Bearer {key[:34]}{'A' * 43}"
    nobody = f"Bearer pw_key_{'0' * 26}_{'A' * 43}"

    def refused(header: str) -> None:
        try:
            doorkeeper.by_header(header)
        except UnauthorizedError:
            return
        raise RuntimeError("a wrong credential was let in")

    compared(lambda: refused(nobody), lambda: refused(wrong), 500)  # caches
    return compared(lambda: refused(nobody), lambda: refused(wrong), rounds)


@cache
def _timed() -> Timing:
    with tempfile.TemporaryDirectory() as made, served(Path(made)) as server:
        return unknown_against_wrong(server, ROUNDS)


_TIME = "time to refuse, unknown key against wrong secret"


@row("service", name=f"{_TIME}: difference, 95 % bound", unit="µs", bar="<= 10", slow=True, inputs=INPUTS)
def refusal_time_us() -> float:
    return _timed().bound_us


@row("service", name=f"{_TIME}: difference that would be found with a power of 90 %", unit="µs", bar="<= 10", slow=True,
     inputs=INPUTS)  # fmt: skip
def refusal_power_us() -> float:
    return _timed().detectable_us
