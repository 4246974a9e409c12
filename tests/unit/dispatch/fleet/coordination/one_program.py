"""Small fleets, random rows over them, and the whole of it as one linear program."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.sparse import block_diag, csc_array, csr_array, hstack, vstack

from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.fleet.coordination import Structure
from dispatch.fleet.coupling import Coupling, Rest
from dispatch.fleet.template import Template
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, continuous

STEPS = 8
ENTRIES = STEPS + 1  # net import by step, then the horizon's emissions


@cache
def structure(sites: int = 24, *, genset: bool = True) -> Structure:
    """Sites of one structure, eight quarter-hours each; with a genset or without."""
    members = fleet_sites(sites, genset=genset, steps=STEPS, seed=3)
    template = Template(members[0], horizon(STEPS))
    at = np.concatenate([template.at[name] for name in template.quantities])
    return Structure(template.stack(members), at)


def some(whole: Structure, which: np.ndarray) -> Structure:
    """Some of the sites, in the order given."""
    return Structure(whole.stack.part(which), whole.at)


def free(structures: list[Structure]) -> Array:
    """(N, Q) what sites do on their own."""
    return np.array([continuous(s.stack.matrices(n)).x[s.at] for s in structures for n in range(len(s.stack))])


def caps(structures: list[Structure], factor: float, saved: float = 0.0) -> Coupling:
    """A cap on the import of each step, and one on emissions below what the sites do on their own."""
    use = free(structures)
    top = use.sum(axis=0)
    upper = np.append(np.full(STEPS, factor * top[:-1].max()), top[-1] - saved * abs(top[-1]))
    names = (*(f"import, step {t}" for t in range(STEPS)), "emissions")
    sites = use.shape[0]
    return Coupling(
        names,
        np.arange(ENTRIES),
        csr_array(np.ones((ENTRIES, sites))),
        np.full(ENTRIES, -np.inf),
        upper,
        Rest.none(ENTRIES),
        ENTRIES,
    )


def drawn(structures: list[Structure], seed: int) -> Coupling:
    """Random rows over random sites: caps, floors, bands and equalities near what is done freely, with priced slack."""
    rng = np.random.default_rng(seed)
    use = free(structures)
    count, sites = int(rng.integers(2, 9)), use.shape[0]
    entry = rng.integers(0, ENTRIES, count)
    share = rng.uniform(0.5, 1.5, (count, sites)) * (rng.random((count, sites)) < 0.7) * rng.choice([-1, 1], (count, 1))
    now = np.array([share[k] @ use[:, entry[k]] for k in range(count)])
    wanted = now - rng.uniform(-0.05, 0.15, count) * np.abs(now) - 1.0
    kind = rng.integers(0, 4, count)
    lower = np.where(kind == 0, -np.inf, np.where(kind == 2, wanted - 0.05 * np.abs(wanted), wanted))
    upper = np.where(kind == 1, np.inf, wanted)
    # One paid column lets each row off, as an imbalance would; a last one is a peak over all of them.
    paid = rng.uniform(0.05, 2.0, count)
    reach = hstack([csr_array(np.eye(count)), csr_array(-np.eye(count)), csr_array((count, 1))])
    peak = csr_array(hstack([csr_array(np.eye(count)), csr_array((count, count)), csr_array(-np.ones((count, 1)))]))
    size = 2 * count + 1
    most = np.full(size, 1e5)
    rest = Rest(
        tuple(f"y{k}" for k in range(size)),
        np.concatenate([paid, paid, [rng.uniform(0, 0.5)]]),
        np.zeros(size),
        most,
        csr_array(reach),
        peak,
        np.full(count, -np.inf),
        np.zeros(count),
        np.zeros(size, bool),
        offset=float(rng.uniform(-5, 5)),
    )
    return Coupling(tuple(f"row {k}" for k in range(count)), entry, csr_array(share), lower, upper, rest, ENTRIES)


def optimum(structures: list[Structure], coupling: Coupling) -> float:
    """The least cost of all, by one program."""
    sites = [(s, s.stack.matrices(n)) for s in structures for n in range(len(s.stack))]
    share = coupling.share.toarray()
    joint = []
    for n, (one, matrices) in enumerate(sites):
        picks = csr_array((np.ones(ENTRIES), (np.arange(ENTRIES), one.at)), shape=(ENTRIES, matrices.cost.size))
        joint.append(csr_array(share[:, [n]] * picks[coupling.entry].toarray()))
    rest = coupling.rest
    own = block_diag([matrices.rows for _, matrices in sites] + ([rest.rows] if rest.names else []))
    rows = vstack([own, hstack([*joint, *([rest.reach] if rest.names else [])])])
    alone = rest.matrices()

    def all_of(name: str) -> Array:
        return np.concatenate([getattr(m, name) for _, m in sites] + [getattr(alone, name)])

    whole = Matrices(
        all_of("cost"),
        sum(m.offset for _, m in sites) + rest.offset,
        csc_array(rows),
        np.concatenate([all_of("row_lower"), coupling.lower]),
        np.concatenate([all_of("row_upper"), coupling.upper]),
        all_of("col_lower"),
        all_of("col_upper"),
        np.zeros(rows.shape[1], bool),
    )
    found = continuous(whole)
    assert found.quality == "optimal"
    return found.objective
