"""A comparison as a table for people. It says plainly where somebody else is better."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.peers.comparison import OURS, Comparison
from benchmarks.peers.interface import Answer

FASTER = 1.05  # times closer together than this are called alike


def is_wrong(found: Comparison) -> bool:
    """Did a program that is there fail, or find another optimum?"""
    failed = any(told.answer is None and not told.absent for told in found.told.values())
    if failed or found.told[OURS].answer is None or found.case.equal is None:
        return failed
    return any(told.answer is not None and not found.are_equal(peer) for peer, told in found.told.items())


def show(found: Comparison, console: Console) -> None:
    equal = "" if found.case.equal is None else f"; objectives are equal within {found.case.equal:g}"
    drawn = Table(title=f"{found.case.name} ({found.case.unit}{equal})", title_justify="left", header_style="bold")
    for name in ("program", "version", "solver and gap"):
        drawn.add_column(name, overflow="fold")
    for name in ("objective", "difference", "build", "solve", "again", "cold / ours", "again / ours"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("", overflow="fold")
    for peer, told in found.told.items():
        if told.answer is None:
            drawn.add_row(told.name, told.version, "", *[""] * 7, told.why)
        else:
            drawn.add_row(told.name, told.version, told.answer.solver, *_figures(found, peer, told.answer))
    console.print(drawn)
    for told in found.told.values():
        if told.answer is not None and told.answer.note:
            console.print(f"{told.name}: {told.answer.note}.", markup=False, highlight=False)


def _figures(found: Comparison, peer: str, answer: Answer) -> list[str]:
    again = "" if answer.again_s is None else f"{answer.again_s:.3f} s{'' if answer.keeps else ' (anew)'}"
    cells = [f"{answer.objective:,.6f}", "", f"{answer.build_s:.3f} s", f"{answer.solve_s:.3f} s", again, "", "", ""]
    ours = found.told[OURS].answer
    if peer == OURS or ours is None:
        return cells
    cells[1] = f"{found.difference(peer):.1e}"
    if found.case.equal is not None and not found.are_equal(peer):
        return [*cells[:-1], "[red]another objective: times are not compared[/red]"]
    cells[5] = f"{answer.cold_s / ours.cold_s:.2f}"
    if answer.again_s is not None and ours.again_s is not None:
        cells[6] = f"{answer.again_s / ours.again_s:.2f}"
    cells[7] = "; ".join(_verdicts(found, answer, ours))
    return cells


def _verdicts(found: Comparison, answer: Answer, ours: Answer) -> list[str]:
    """Who is better at what, by name."""
    said = []
    if found.case.equal is None:
        share = answer.objective / ours.objective - 1
        than = f"{abs(share):.2%} {'above' if share > 0 else 'below'} ours"
        said.append("the same as ours" if abs(share) < 1e-6 else than if share > 0 else f"[yellow]{than}[/yellow]")
    pairs = [("cold", answer.cold_s, ours.cold_s)]
    if answer.again_s is not None and ours.again_s is not None:
        pairs.append(("again", answer.again_s, ours.again_s))
    for what, theirs, mine in pairs:
        if theirs > FASTER * mine:
            said.append(f"{what}: ours is faster")
        elif mine > FASTER * theirs:
            said.append(f"[yellow]{what}: theirs is faster[/yellow]")
    return said
