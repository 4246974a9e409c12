"""Keys are hashed, end, are replaced, and open one tenant only; tenants; answers that are kept by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.service.store import Store, audit, idempotency, keys, tenants
from dispatch.service.store.faults import StoreError
from dispatch.service.store.keys import Key


def create(store: Store, **more: object) -> tuple[Key, str]:
    with store.write("north", "test") as tx:
        return keys.create(tx, "control room", ["sites:read", "plans:write"], **more)  # type: ignore[arg-type]


def find(store: Store, key_id: str) -> Key | None:
    with store.admin(write=False) as connection:
        return keys.find(connection, key_id)


def test_a_secret_is_not_kept(store: Store) -> None:
    made, secret = create(store)
    assert len(secret) >= 43  # 256 bits
    found = find(store, made.id)
    assert found == made
    assert found is not None
    assert secret not in repr(found)
    assert keys.fits(found.secret_sha256, secret)
    assert not keys.fits(found.secret_sha256, secret[:-1])
    assert not keys.fits(found.secret_sha256, "\udc80")
    with store.read("north") as tx:
        assert secret not in repr(audit.listed(tx))


def test_a_key_ends(store: Store) -> None:
    now = datetime.now(UTC)
    made, _ = create(store, expires=now + timedelta(hours=1))
    assert made.opens(now)
    assert not made.opens(now + timedelta(hours=1))
    with store.write("north", "test") as tx:
        assert keys.revoke(tx, made.id)
        assert not keys.revoke(tx, made.id)
        assert not keys.revoke(tx, "key_none")
    found = find(store, made.id)
    assert found is not None
    assert not found.opens(datetime.now(UTC))


def test_a_key_is_replaced_and_opens_for_some_time(store: Store) -> None:
    old, secret = create(store)
    with store.write("north", "test") as tx:
        rotated = keys.rotate(tx, old.id, overlap=timedelta(hours=1))
        assert keys.rotate(tx, "key_none") is None
    assert rotated is not None
    new, other = rotated
    assert (new.name, new.scopes, new.replaces) == (old.name, old.scopes, old.id)
    assert secret != other
    found = find(store, old.id)
    assert found is not None
    assert found.opens(datetime.now(UTC))
    assert not found.opens(datetime.now(UTC) + timedelta(hours=1, seconds=1))
    with store.read("north") as tx:
        assert [key.id for key in keys.listed(tx)] == [old.id, new.id]
        assert [key.id for key in keys.listed(tx, after=old.id)] == [new.id]


def test_keys_that_a_key_made_end_with_it_and_with_all_that_it_was_rotated_into(store: Store) -> None:
    top, _ = create(store)
    made = {}
    for name, maker in (("child", top), ("grandchild", None)):
        with store.write("north", (maker or made["child"]).id) as tx:
            made[name], _ = keys.create(tx, name, ["sites:read"])
    aside, _ = create(store)
    assert (made["child"].made_by, made["grandchild"].made_by, aside.made_by) == (top.id, made["child"].id, None)
    with store.write("north", top.id) as tx:
        rotated = keys.rotate(tx, top.id, overlap=timedelta(hours=1))
        assert rotated is not None
        assert keys.revoke(tx, top.id) == (top.id,)  # its successor goes on, and so does what it made
        assert [key.id for key in keys.listed(tx, made_by=rotated[0].id)] == [made["child"].id]
        closed = keys.revoke(tx, rotated[0].id)
    assert closed == (rotated[0].id, made["child"].id, made["grandchild"].id)
    with store.read("north") as tx:
        told = {entry.subject: entry.details for entry in audit.listed(tx) if entry.action == "key.revoke"}
        assert told[made["grandchild"].id] == {"made_by": made["child"].id}
        assert [key.id for key in keys.listed(tx) if key.opens(tx.now)] == [aside.id]


def test_a_key_that_another_one_rotates_is_under_that_from_then_on(store: Store) -> None:
    """Whoever rotates a key is shown its secret: it ends with them, and with itself it keeps its client."""
    admin, meter = create(store)[0], create(store)[0]
    with store.write("north", admin.id) as tx:
        rotated = keys.rotate(tx, meter.id)
        assert rotated is not None
        assert (rotated[0].client, rotated[0].made_by) == (meter.id, admin.id)
        assert keys.revoke(tx, admin.id) == (admin.id, rotated[0].id)


def test_another_tenants_key_is_none(store: Store) -> None:
    made, _ = create(store)
    with store.write("south", "test") as tx:
        assert keys.get(tx, made.id) is None
        assert not keys.revoke(tx, made.id)
        assert keys.rotate(tx, made.id) is None


def test_use_is_noted_once_in_a_while(store: Store) -> None:
    made, _ = create(store)
    now = datetime.now(UTC)
    with store.admin() as connection:
        assert keys.used(connection, made, now)
        used = keys.find(connection, made.id)
        assert used is not None
        assert used.last_used == now
        assert not keys.used(connection, used, now + timedelta(minutes=4))
        assert keys.used(connection, used, now + timedelta(minutes=6))


def test_keys_of_a_closed_tenant_open_nothing(store: Store) -> None:
    made, _ = create(store)
    with store.admin() as connection:
        assert tenants.close(connection, "north", datetime.now(UTC))
        assert not tenants.close(connection, "north", datetime.now(UTC))
        assert not tenants.close(connection, "nobody", datetime.now(UTC))
    assert find(store, made.id) is None


def test_tenants_have_names_that_are_folders_too(store: Store) -> None:
    with store.admin() as connection:
        for name in ("", "A", "..", "a/b", "a b", "-a", "a" * 64, "north\n"):
            with pytest.raises(StoreError, match="no name of a tenant"):
                tenants.create(connection, name, "", datetime.now(UTC))
        with pytest.raises(StoreError, match="already"):
            tenants.create(connection, "north", "", datetime.now(UTC))
        assert [each.tenant for each in tenants.listed(connection)] == ["north", "south"]


def test_an_answer_is_kept_for_its_client_and_for_a_time(store: Store) -> None:
    mark = idempotency.fingerprint("POST", "/sites", "", "application/json", b"{}")
    assert mark != idempotency.fingerprint("POST", "/sites{}", "", "application/json", b"")
    with store.write("north", "key_1") as tx:
        assert idempotency.find(tx, tx.actor, "once") is None
        idempotency.keep(tx, tx.actor, "once", mark, 201, {"location": "/x"}, b"made")
        kept = idempotency.find(tx, tx.actor, "once")
    assert kept is not None
    assert (kept.fingerprint, kept.status, kept.headers, kept.body) == (mark, 201, {"location": "/x"}, b"made")
    for tenant, actor in (("north", "key_2"), ("south", "key_1")):
        with store.read(tenant, actor) as tx:
            assert idempotency.find(tx, tx.actor, "once") is None
    later = datetime.now(UTC) + timedelta(hours=idempotency.KEPT_H, minutes=1)
    with store.write("north", "key_1") as tx:
        tx.now = later
        assert idempotency.find(tx, tx.actor, "once") is None
        idempotency.keep(tx, tx.actor, "once", mark, 200, {}, b"again")
    with store.admin() as connection:
        assert idempotency.sweep(connection, later) == 0
        assert idempotency.sweep(connection, later + timedelta(days=9)) == 1
