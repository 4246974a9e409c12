"""The ENTSO-E transparency platform through entsoe-py, with our own way to the network underneath.

The library knows the platform's questions and its XML. Its session is replaced by one that asks through
`fetching`: so that time-outs, pauses, kept answers and messages are those of every other provider, and the library
never sees the key.
"""

from __future__ import annotations

import os
import time
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasting.errors import AnswerError, ForecastError, UnavailableError
from forecasting.fetching import Ask, Service
from forecasting.replies import Reply, reason_in

if TYPE_CHECKING:
    import requests

PUBLIC_URL = "https://web-api.tp.entsoe.eu/api"
KEY = "ENTSOE_API_KEY"
HELD = "held-by-the-session"  # the library wants a key; the real one is added underneath
INSTALL = "it needs the package entsoe-py: pip install 'parkwatt[entsoe]'"


class _NothingError(ForecastError):
    """The platform says why it has nothing; the library knows what that means, and it is not kept."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reason_in(reply.text))
        self.reply = reply


@dataclass
class Session:
    """Stands where the library expects a session of `requests`; remembers the documents that came."""

    service: Service
    now: pd.Timestamp
    fresh_for_min: float
    headers: dict[str, str] = field(default_factory=dict)
    documents: list[ET.Element] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    at: list[pd.Timestamp] = field(default_factory=list)

    def get(self, url: str, params: Mapping[str, Any], **_: Any) -> requests.Response:
        """One question; the library's own address, key, proxies and time-out are passed over."""
        query = {name: str(value) for name, value in params.items() if name != "securityToken"}
        further = query.get("offset", "0") != "0"

        def document(reply: Reply) -> str:
            # That there is nothing yet is not kept; that there is no further page is, as it belongs to the first.
            if _says_no(self._whole(reply.text)) and not further:
                raise _NothingError(reply)
            return reply.text

        try:
            got = self.service.fetched(Ask("", query), self.now, self.fresh_for_min, self._read, document)
        except _NothingError as nothing:
            return _response(nothing.reply.status, nothing.reply.text, url)
        text, root = got.value
        if _says_no(root):
            return _response(400, text, url)
        self.notes += got.notes
        self.at.append(got.at)
        self.documents.append(root)
        return _response(200, text, url)

    def _read(self, text: str) -> tuple[str, ET.Element]:
        return text, self._whole(text)

    def _whole(self, text: str) -> ET.Element:
        place = self.service.place
        if text.lstrip()[:9].lower().startswith(("<!doctype", "<html")):
            raise UnavailableError(f"{place}: the answer is a web page, not a market document")
        try:
            root = ET.fromstring(text)
        except ET.ParseError:
            raise UnavailableError(f"{place}: the answer is not a whole market document") from None
        if not _local(root.tag).endswith("_MarketDocument"):
            raise AnswerError(f"{place}: the answer is a {_local(root.tag)}, not a market document")
        return root

    def said(self, name: str) -> set[str]:
        """What all documents say under a name, such as currency_Unit.name."""
        return {(e.text or "").strip() for root in self.documents for e in root.iter() if _local(e.tag) == name}


def _says_no(root: ET.Element) -> bool:
    return _local(root.tag) == "Acknowledgement_MarketDocument"


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _response(status: int, text: str, url: str) -> requests.Response:
    import requests

    answer = requests.Response()
    answer.status_code, answer.url, answer.encoding = status, url, "utf-8"
    answer.headers["content-type"] = "application/xml"
    answer._content = text.encode()
    return answer


@dataclass(frozen=True)
class Platform:
    """How the platform is reached; the key comes from ENTSOE_API_KEY."""

    base_url: str = PUBLIC_URL
    cache_folder: Path | None = None
    timeout_s: float = 60.0
    fresh_for_min: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)

    def session(self, what: str, now: pd.Timestamp) -> Session:
        """A session for one fetch; raises ForecastError without a key."""
        key = os.environ.get(KEY, "")
        if not key:
            raise ForecastError(f"{what} from ENTSO-E: no key; set {KEY} to the token of your account there")
        service = Service(
            what,
            self.base_url,
            cache_folder=self.cache_folder,
            timeout_s=self.timeout_s,
            secret_query={"securityToken": key},
            key_from=KEY,
            sleep=self.sleep,
        )
        return Session(service, now, self.fresh_for_min)

    def asked(self, session: Session, zone: str, question: Callable[[Any, Any], Any]) -> Any:
        """What the library answers to `question(client, area)`.

        Raises ForecastError where the library is missing, the zone unknown, nothing is there, or the document
        is not one the library can read.
        """
        place = f"{session.service.place}, zone {zone}"
        try:
            import entsoe
            from entsoe import exceptions
        except ImportError:
            raise ForecastError(f"{session.service.what} from ENTSO-E: {INSTALL}") from None
        area = area_of(zone, session.service.what)
        client = entsoe.EntsoePandasClient(api_key=HELD, session=session, retry_count=1)
        nothing = (exceptions.NoMatchingDataError, exceptions.InvalidPSRTypeError)
        try:
            with warnings.catch_warnings():
                # The library reads XML as HTML on purpose, and joins empty tables.
                warnings.simplefilter("ignore")
                return question(client, area)
        except ForecastError:
            raise
        except nothing:
            raise ForecastError(f"{place}: the platform has no such data for the time asked for") from None
        except exceptions.InvalidBusinessParameterError:
            raise ForecastError(f"{place}: the platform does not publish this for the zone") from None
        except Exception as error:  # the library raises whatever its parsing meets
            raise _of_the_library(error, place) from error


def _of_the_library(error: Exception, place: str) -> ForecastError:
    response = getattr(error, "response", None)
    if response is not None:
        said = reason_in(response.text)
        return ForecastError(f"{place}: request refused, {response.status_code}{f': {said}' if said else ''}")
    return AnswerError(f"{place}: the document is not as documented ({type(error).__name__}: {error})")


def area_of(zone: str, what: str) -> Any:
    """The library's area of a name such as DE_LU (DE-LU counts too) or an EIC code."""
    from entsoe.mappings import Area, lookup_area

    try:
        return lookup_area(zone.replace("-", "_") if zone.upper().replace("-", "_") in Area.__members__ else zone)
    except ValueError:
        import difflib

        near = difflib.get_close_matches(zone.upper().replace("-", "_"), list(Area.__members__), 5, 0.3)
        raise ForecastError(
            f"{what} from ENTSO-E: zone {zone!r} is unknown; near to it are {near or sorted(Area.__members__)[:10]}"
        ) from None
