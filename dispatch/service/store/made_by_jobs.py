"""What schedules, forecasts and accounts share: each is asked for, and once its job is done something came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, Table, and_

from dispatch.service.errors import NotFoundError
from dispatch.service.store import jobs
from dispatch.service.store.ids import new_id
from dispatch.service.store.transaction import Tx


@dataclass(frozen=True)
class MadeByJobs:
    """Rows of a table, each made by a job of its own.

    Attributes:
        table: with the columns id, site, job, created and made.
        prefix: of its ids.
        what: what people call one.
    """

    table: Table
    prefix: str
    what: str

    def create(self, tx: Tx, values: Mapping[str, Any]) -> str:
        """Note what is asked for; its job is still to be named."""
        id_ = new_id(self.prefix)
        tx.insert(self.table, {"id": id_, "job": "", "created": tx.now, **values})
        return id_

    def change(self, tx: Tx, id_: str, values: Mapping[str, Any]) -> None:
        """What is known of it besides."""
        tx.execute(tx.update(self.table).where(self.table.c.id == id_).values(**values))

    def name_job(self, tx: Tx, id_: str, job: str) -> None:
        """The job that makes it."""
        self.change(tx, id_, {"job": job})

    def finish(self, tx: Tx, id_: str, values: Mapping[str, Any]) -> None:
        """What came of it."""
        self.change(tx, id_, {"made": tx.now, **values})

    def query(self, tx: Tx) -> Select[Any]:
        """All of them, with ``job_state`` and ``job_problem``."""
        own, of = self.table.c, jobs.records.c
        joined = self.table.outerjoin(jobs.records, and_(of.tenant == own.tenant, of.id == own.job))
        columns = (self.table, of.state.label("job_state"), of.problem.label("job_problem"))
        return tx.select(self.table, *columns).select_from(joined)

    def get(self, tx: Tx, id_: str) -> Row[Any]:
        """One of them, with ``job_state`` and ``job_problem``.

        Raises:
            NotFoundError: the tenant has none of this id.
        """
        row = tx.first(self.query(tx).where(self.table.c.id == id_))
        if row is None:
            raise NotFoundError(f"There is no {self.what} '{id_}'.")
        return row

    def listed(self, tx: Tx, *, site: str | None, before: str | None, limit: int) -> Sequence[Row[Any]]:
        """Those of a site, or of all, the newest first; from before an id on."""
        query = self.query(tx)
        if site is not None:
            query = query.where(self.table.c.site == site)
        if before is not None:
            query = query.where(self.table.c.id < before)
        return tx.all(query.order_by(self.table.c.id.desc()).limit(limit))
