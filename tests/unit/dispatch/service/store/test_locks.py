"""Writers wait their turn: threads in the order they came, processes one at a time, tenants apart on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatch.service.store import Store, audit
from dispatch.service.store.faults import BusyError, UnreachableError
from dispatch.service.store.locks import FairLock, WriterLock


def test_threads_get_their_turn_in_the_order_they_came() -> None:
    lock, order = FairLock(), []
    lock.acquire(1)

    def work(number: int) -> None:
        lock.acquire(10)
        order.append(number)
        lock.release()

    threads = []
    for number in range(20):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        while len(lock._waiting) <= number:
            time.sleep(0.001)
    lock.release()
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_who_gives_up_leaves_the_line() -> None:
    lock = FairLock()
    lock.acquire(1)
    with pytest.raises(BusyError):
        lock.acquire(0.01)
    assert not lock._waiting
    lock.release()
    lock.acquire(0.01)


def test_a_process_that_dies_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from dispatch.service.store.locks import WriterLock\n"
        f"with WriterLock(Path({str(tmp_path / 'lock')!r})).held(1): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    lock = WriterLock(tmp_path / "lock")
    with pytest.raises(BusyError, match="another process"), lock.held(0.05):
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    with lock.held(5):
        pass


@pytest.mark.slow  # three processes that each import the store
def test_processes_write_one_chain(store: Store) -> None:
    code = (
        "import sys; from pathlib import Path; from dispatch.service.store import Store\n"
        "store = Store.open(sys.argv[1], Path(sys.argv[2]), migrate=False)\n"
        "for step in range(60): store.run('north', sys.argv[3], lambda tx: tx.audit('count', str(step)))\n"
        "store.close()"
    )
    arguments = [sys.executable, "-c", code, store.url, str(store.disk.root)]
    others = [subprocess.Popen([*arguments, f"process {number}"]) for number in range(3)]
    assert [other.wait(100) for other in others] == [0, 0, 0]
    with store.read("north") as tx:
        assert audit.verify(tx).count == 180
        assert audit.verify(tx).broken_at is None


def test_many_threads_and_every_entry_in_the_chain(store: Store) -> None:
    def work(number: int) -> None:
        for step in range(5):
            store.run("north", f"thread {number}", lambda tx: tx.audit("count", str(step)))  # noqa: B023 - called at once

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read("north") as tx:
        assert audit.verify(tx) == audit.Verdict(40, audit.head(tx)[1])


def test_tenants_do_not_wait_for_each_other_on_postgresql(new_store: Callable[[str], Store]) -> None:
    store = new_store("postgresql")
    with store.write("north", "test") as north:
        north.audit("north", "x")
        with store.write("south", "test") as south:
            south.audit("south", "x")


def test_a_writer_that_waits_too_long_is_told(new_database: Callable[[str, Path | None], str], tmp_path: Path) -> None:
    for kind in ("sqlite", "postgresql"):
        url = new_database(kind, tmp_path / kind)
        store = Store.open(url, tmp_path / kind / "data", migrate=False, wait_s=0.05)
        failed: list[BaseException] = []

        def second(store: Store = store, failed: list[BaseException] = failed) -> None:
            try:
                with store.write("north", "late"):
                    pass
            except BusyError as error:
                failed.append(error)

        with store.write("north", "first"):
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()
        store.close()
        assert len(failed) == 1


def test_a_reader_sees_one_state(store: Store) -> None:
    with store.read("north") as tx:
        assert audit.head(tx)[0] == 0
        with store.write("north", "test") as other:
            other.audit("meanwhile", "x")
        assert audit.head(tx)[0] == 0


def test_two_that_collide_try_again(store: Store) -> None:
    tries: list[int] = []

    def work(_tx: object) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise BusyError("once more")
        return "done"

    assert store.run("north", "test", work) == "done"
    with pytest.raises(BusyError):
        store.run("north", "test", lambda _tx: (_ for _ in ()).throw(BusyError("always")))


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        Store.open(f"postgresql+psycopg://nobody@/none?host={tmp_path}", tmp_path / "data")
