"""Sites: parks under a name of yours, validated whole, every version kept; many in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
from fastapi import Path as InPath
from starlette.responses import Response

from dispatch.errors import ConfigError, Problem
from dispatch.service.errors import Fault, InvalidError, NotFoundError, pointer
from dispatch.service.http import etag
from dispatch.service.http.call import Call, Reply, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.intake import LargeRoute
from dispatch.service.http.problem import problems
from dispatch.service.schemas import sites as bodies
from dispatch.service.store import Tx, series, sites

router = APIRouter(tags=["sites"], route_class=LargeRoute)
SiteName = Annotated[str, InPath(pattern=bodies.SITE_NAME, description="What you call the site", examples=["yizhuang"])]
Reader = Annotated[Call, Depends(allowed("sites:read"))]
Writer = Annotated[Call, Depends(allowed("sites:write"))]
Label = Annotated[str, Query(pattern=r"^[^:\x00-\x1f]{1,63}:[^\x00-\x1f]{0,255}$")]


@router.get("/sites", name="list", summary="List sites", response_model=Page[bodies.SiteShown])
def list_sites(
    call: Reader,
    page: Annotated[Paging, Depends(paging)],
    label: Annotated[list[Label], Query(max_length=10, description="NAME:VALUE; of several all hold")] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Sites by name, those with certain labels where asked."""
    wanted = dict(each.split(":", maxsplit=1) for each in label)

    def work(tx: Tx) -> Page[bodies.SiteShown]:
        found = sites.listed(tx, after=page.after(call) or "", limit=page.limit + 1, with_labels=wanted)
        return page.page(call, found, bodies.SiteShown.of, lambda row: row.site)

    return call.read(work)


@router.post("/sites:validate", name="validate", summary="Validate a park", response_model=bodies.Validated)
def validate_site(body: Annotated[bodies.Park, Body()], call: Reader) -> Response:
    """All that is wrong with a park, each with its place; nothing is kept."""
    del call
    try:
        found, wrong = sites.prepare(body, "the park").etag, []
    except ConfigError as error:
        found, wrong = None, [_shown(each) for each in error.problems]
    made = bodies.Validated(valid=not wrong, etag=found, problems=wrong)
    return Response(made.model_dump_json(), media_type="application/json")


@router.post("/sites:batch", name="batch", summary="Put many sites", response_model=bodies.BatchDone)
def put_sites(body: bodies.Batch, call: Writer) -> Response:
    """All sites in one transaction. With `refuse` one wrong park keeps all others out, and every problem is told."""
    given, rejected = _prepared(body)
    if rejected and body.on_reject == "refuse":
        faults = [
            _fault(each, f"/sites/{index}/body") if isinstance(each, Problem) else each
            for index, found in rejected.items()
            for each in found
        ]
        text = f"{len(rejected)} of {len(body.sites)} sites are wrong; none was taken."
        raise InvalidError(text, faults)
    return call.once(lambda tx: Reply(200, _batched(tx, body, given, rejected)))


def _prepared(body: bodies.Batch) -> tuple[dict[str, sites.Prepared], dict[int, Sequence[Problem | Fault]]]:
    """Those that are right by site, and what is wrong with the others by their place."""
    given: dict[str, sites.Prepared] = {}
    rejected: dict[int, Sequence[Problem | Fault]] = {}
    for index, each in enumerate(body.sites):
        if each.site in given:
            rejected[index] = [Fault(f"/sites/{index}/site", "stands twice in the batch", each.site, "each site once")]
            continue
        try:
            given[each.site] = sites.prepare(each.body, each.site)
        except ConfigError as error:
            rejected[index] = error.problems
    return given, rejected


def _batched(
    tx: Tx, body: bodies.Batch, given: dict[str, sites.Prepared], rejected: dict[int, Sequence[Problem | Fault]]
) -> bodies.BatchDone:
    put = {each.site: each for each in sites.put_many(tx, given)}
    results = []
    for index, each in enumerate(body.sites):
        wrong = [_shown(one) for one in rejected.get(index, ())]
        done = None if wrong else put[each.site]
        results.append(
            bodies.BatchResult(
                site=each.site,
                outcome="rejected" if done is None else done.outcome,
                version=None if done is None else done.version,
                etag=None if done is None else done.etag,
                problems=wrong,
            )
        )
    counts = Counter[str](result.outcome for result in results)
    outcomes = ("created", "updated", "same", "rejected")
    return bodies.BatchDone(results=results, **{name: counts[name] for name in outcomes})


@router.get(
    "/sites/{site}", name="get", summary="Read a site", response_model=bodies.SiteWhole, responses=problems(404)
)
def get_site(site: SiteName, call: Reader) -> Response:
    """The site as it is, with its park."""
    return call.read(lambda tx: _whole(_there(sites.get(tx, site))))


@router.put(
    "/sites/{site}",
    name="put",
    summary="Put a site",
    response_model=bodies.SiteShown,
    responses={201: {"model": bodies.SiteShown, "description": "The site is new"}, **problems(412)},
)
def put_site(site: SiteName, body: Annotated[bodies.Park, Body()], call: Writer) -> Response:
    """Make a site, or a new version of it; the same content again changes nothing."""
    try:
        prepared = sites.prepare(body, site)
    except ConfigError as error:
        raise _invalid(error) from None

    def work(tx: Tx) -> Reply:
        current = sites.etag(tx, site)
        call.match(None if current is None else etag.tag(current))
        done = sites.put(tx, site, prepared)
        location = {"Location": f"/api/v1/sites/{site}"}
        shown = bodies.SiteShown.of(_there(sites.get(tx, site)))
        return Reply(201 if done.outcome == "created" else 200, shown, location, etag.tag(done.etag))

    return call.once(work)


@router.delete("/sites/{site}", name="delete", summary="Delete a site", status_code=204, responses=problems(404, 412))
def delete_site(site: SiteName, call: Writer) -> Response:
    """End a site. Its versions and measurements stay, and its name may be put again."""

    def work(tx: Tx) -> Reply:
        call.match(etag.tag(_there(sites.etag(tx, site))))
        sites.delete(tx, site)
        return Reply(204)

    return call.once(work)


@router.get(
    "/sites/{site}/versions",
    name="versions",
    summary="List versions of a site",
    response_model=Page[bodies.VersionShown],
    responses=problems(404),
)
def list_versions(site: SiteName, call: Reader, page: Annotated[Paging, Depends(paging)]) -> Response:
    """Every version there was, also of a site that was deleted."""

    def work(tx: Tx) -> Page[bodies.VersionShown]:
        found = sites.history(tx, site, after=page.after(call) or 0, limit=page.limit + 1)
        if not found and not sites.history(tx, site, limit=1):
            raise NotFoundError("There is no such site.")
        return page.page(call, found, bodies.VersionShown.of, lambda row: row.version)

    return call.read(work)


@router.get(
    "/sites/{site}/versions/{version}",
    name="version",
    summary="Read a version of a site",
    response_model=bodies.SiteWhole,
    responses=problems(404),
)
def get_version(site: SiteName, version: Annotated[int, InPath(ge=1, le=2**31 - 1)], call: Reader) -> Response:
    """The site as it was then; none where it was deleted."""
    return call.read(lambda tx: _whole(_there(sites.get(tx, site, version))))


@router.get(
    "/sites/{site}/assets",
    name="assets",
    summary="List assets of a site",
    response_model=bodies.AssetsShown,
    responses=problems(404),
)
def list_assets(site: SiteName, call: Reader) -> Response:
    """The assets, and what measurements of each may be called."""

    def work(tx: Tx) -> bodies.AssetsShown:
        kept, park = _there(sites.get(tx, site)), _there(sites.park(tx, site))
        names = series.by_asset(park)
        assets = []
        for asset in park.assets:
            buses = {name: bus for name in asset.bus_fields if isinstance(bus := getattr(asset, name), str)}
            needs = [need.quantity for need in asset.needs]
            assets.append(
                bodies.AssetShown(
                    name=asset.name, kind=asset.kind, buses=buses, forecast=needs, series=names[asset.name]
                )
            )
        return bodies.AssetsShown(site=site, version=kept.version, assets=assets, series=names[""])

    return call.read(work)


@router.get(
    "/sites/{site}/series",
    name="series",
    summary="List measured series of a site",
    response_model=bodies.HeldList,
    responses=problems(404),
)
def list_series(site: SiteName, call: Annotated[Call, Depends(allowed("measurements:read"))]) -> Response:
    """What is held: first and last interval, how many have a value, and when something last came."""

    def work(tx: Tx) -> bodies.HeldList:
        _there(sites.etag(tx, site))
        found = series.holdings(tx, site)
        return bodies.HeldList(site=site, series=[bodies.HeldShown.of(row) for row in found])

    return call.read(work)


def _there(found: Any) -> Any:
    if found is None:
        raise NotFoundError("There is no such site.")
    return found


def _whole(kept: sites.Kept) -> Reply:
    return Reply(200, bodies.SiteWhole.of(kept), etag=etag.tag(kept.etag))


def _invalid(error: ConfigError) -> InvalidError:
    count = len(error.problems)
    text = f"{count} problem{'s' if count != 1 else ''} in the park."
    return InvalidError(text, [_fault(each) for each in error.problems])


def _placed(problem: Problem) -> tuple[str, str]:
    """Pointer and message; what comes from a library's entry says so in the message."""
    path, _, library = problem.path.partition(" in ")
    where = "" if path == "file" else pointer(path)
    return where, f"{problem.message} (from {library})" if library else problem.message


def _fault(problem: Problem, above: str = "") -> Fault:
    where, message = _placed(problem)
    return Fault(f"{above}{where}", message, accepted=problem.accepted)


def _shown(problem: Problem | Fault) -> bodies.ProblemShown:
    if isinstance(problem, Fault):
        return bodies.ProblemShown(pointer=problem.pointer, message=problem.message, accepted=problem.accepted)
    where, message = _placed(problem)
    return bodies.ProblemShown(pointer=where, message=message, accepted=problem.accepted)
