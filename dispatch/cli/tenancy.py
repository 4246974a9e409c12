"""Tenants and keys, made on the store itself: who can reach it needs no key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dispatch.cli.serving import extra
from dispatch.errors import ConfigError, ParkwattError, Problem

if TYPE_CHECKING:
    from dispatch.service.store import Store
    from dispatch.service.store.keys import Key

_ACTOR = "parkwatt keys"
_ONCE = "This is the only time that the key is shown. Send it as: Authorization: Bearer KEY"


@dataclass(frozen=True)
class Where:
    """The store that is meant, as typed."""

    database: str | None
    data: Path | None


@contextmanager
def opened(where: Where) -> Iterator[Store]:
    """The store, made where there is none."""
    with extra():
        from dispatch.service.settings import Settings
        from dispatch.service.store import Store
    settings = Settings.load(os.environ, database=where.database, data=where.data)
    store = Store.open(settings.url, settings.data)
    try:
        yield store
    finally:
        store.close()


def create_tenant(where: Where, name: str, title: str) -> None:
    """Add a tenant and say what comes next."""
    with opened(where) as store, store.admin() as connection:
        from dispatch.service.store import tenants

        tenants.create(connection, name, title, datetime.now(UTC))
    typer.echo(f"Made the tenant {name}. Next, a key: parkwatt keys create {name} --all")


def list_tenants(where: Where) -> None:
    """One line each."""
    with opened(where) as store, store.admin(write=False) as connection:
        from dispatch.service.store import tenants

        found = tenants.listed(connection)
    for each in found:
        closed = "" if each.closed is None else f", closed {_day(each.closed)}"
        typer.echo(f"{each.tenant}  {each.title}  since {_day(each.created)}{closed}")
    if not found:
        typer.echo("No tenants yet: parkwatt tenants create NAME", err=True)


def close_tenant(where: Where, name: str) -> None:
    """Close a tenant, and note that in its own audit trail."""
    with opened(where) as store:
        from dispatch.service.store import tenants

        _require_tenant(store, name)
        with store.write(name, "parkwatt tenants") as tx:
            tenants.close(tx.connection, name, tx.now)
            tx.audit("tenant.close", name)
    typer.echo(f"{name} is closed: its keys open nothing any more. Its data stay.")


def create_key(
    where: Where, tenant: str, name: str, scopes: tuple[str, ...], *, everything: bool, days: float | None
) -> None:
    """Make a key; the key itself goes to standard output and all else beside it."""
    with opened(where) as store:
        from dispatch.service.store import keys

        wanted = _wanted(scopes, everything=everything)
        _require_tenant(store, tenant)
        with store.write(tenant, _ACTOR) as tx:
            expires = None if days is None else tx.now + timedelta(days=days)
            made, secret = keys.create(tx, name, wanted, expires=expires)
    _show(made, secret)


def list_keys(where: Where, tenant: str) -> None:
    """One line each."""
    with opened(where) as store:
        from dispatch.service.store import keys

        _require_tenant(store, tenant)
        with store.read(tenant) as tx:
            found = keys.listed(tx, limit=10_000)
            now = tx.now
    for key in found:
        state = "open" if key.opens(now) else "closed"
        used = "never used" if key.last_used is None else f"used {_day(key.last_used)}"
        typer.echo(f"{key.id}  {state}  {used}  {key.name}  {' '.join(key.scopes)}")


def rotate_key(where: Where, key_id: str, overlap_minutes: float) -> None:
    """Make a key in place of another one."""
    with opened(where) as store:
        from dispatch.service.store import keys

        with store.write(_tenant_of(store, key_id), _ACTOR) as tx:
            made = keys.rotate(tx, key_id, overlap=timedelta(minutes=overlap_minutes))
    if made is None:
        raise ParkwattError(f"the key {key_id} is closed already; make a new one with parkwatt keys create")
    typer.echo(f"{key_id} opens for {overlap_minutes:g} more minutes.", err=True)
    _show(*made)


def revoke_key(where: Where, key_id: str) -> None:
    """Close a key."""
    with opened(where) as store:
        from dispatch.service.store import keys

        with store.write(_tenant_of(store, key_id), _ACTOR) as tx:
            closed = keys.revoke(tx, key_id)
    typer.echo(f"{key_id} opens nothing any more." if closed else f"{key_id} was closed already.")
    for each in closed[1:]:
        typer.echo(f"{each}, which was made by it, opens nothing any more either.")


def _wanted(scopes: tuple[str, ...], *, everything: bool) -> tuple[str, ...]:
    from dispatch.service.http.scopes import SCOPES

    all_of = ", ".join(SCOPES)
    problems = [Problem("--scope", f"there is no scope '{each}'", all_of) for each in scopes if each not in SCOPES]
    if not scopes and not everything:
        problems.append(Problem("--scope", "the key would be allowed nothing", f"--all, or some of {all_of}"))
    if problems:
        raise ConfigError("parkwatt keys create", problems)
    return tuple(SCOPES) if everything else scopes


def _require_tenant(store: Store, tenant: str) -> None:
    from dispatch.service.store import tenants

    with store.admin(write=False) as connection:
        known = [each.tenant for each in tenants.listed(connection) if each.closed is None]
    if tenant not in known:
        names = ", ".join(known) or "none yet; parkwatt tenants create makes one"
        raise ParkwattError(f"there is no tenant '{tenant}'. Tenants: {names}")


def _tenant_of(store: Store, key_id: str) -> str:
    from dispatch.service.store import keys

    with store.admin(write=False) as connection:
        found = keys.find(connection, key_id)
    if found is None:
        raise ParkwattError(f"there is no key '{key_id}'; parkwatt keys list TENANT shows them")
    return found.tenant


def _show(key: Key, secret: str) -> None:
    until = "" if key.expires is None else f", until {key.expires:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"{key.id} of {key.tenant}{until}: {' '.join(key.scopes)}\n{_ONCE}", err=True)
    typer.echo(f"pw_{key.id}_{secret}")


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
