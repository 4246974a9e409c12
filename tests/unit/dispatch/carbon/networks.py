"""Random networks, and the definition of tracing by full matrices and by carrying carbon on until nothing moves."""

from __future__ import annotations

import numpy as np

from dispatch.carbon import Flows
from dispatch.signals import Array


def meshed(random: np.random.Generator, nodes: int, steps: int) -> tuple[Flows, Array, Array]:
    """Lossy flows of any direction, loops among them; sources wherever more leaves than comes."""
    branches = 2 * nodes
    start = random.integers(0, nodes, branches)
    end = (start + random.integers(1, nodes, branches)) % nodes
    sent = random.uniform(0, 10, (branches, steps)) * (random.random((branches, steps)) < 0.8)
    received = sent * random.uniform(0.9, 1, sent.shape)
    # Some give nothing at the other end, and some take power in there too.
    received[random.random(sent.shape) < 0.05] = 0.0
    turned = random.random(sent.shape) < 0.5
    start_in, end_in = np.where(turned, -received, sent), np.where(turned, sent, -received)
    fed = random.random(sent.shape) < 0.05
    end_in = np.where(fed & (start_in > 0), 0.3 * start_in, end_in)
    shunt = random.uniform(0, 0.5, (nodes, steps)) * (random.random((nodes, 1)) < 0.3)
    flows = Flows(nodes, start, end, start_in, end_in, shunt)
    net = shunt.copy()
    np.add.at(net, start, flows.start_in)
    np.add.at(net, end, flows.end_in)
    return flows, np.maximum(net, 0) + random.uniform(0, 1, net.shape), random.uniform(0, 1, net.shape)


def circle(random: np.random.Generator, nodes: int, circulating: float) -> tuple[Flows, Array, Array]:
    """A ring in which power goes round and round, with a source and loads on the way; one step."""
    start, end = np.arange(nodes), (np.arange(nodes) + 1) % nodes
    load = random.uniform(0.1, 1.0, nodes)
    load[0] = 0.0
    kept = 0.99
    sent, received = np.empty(nodes), np.empty(nodes)
    sent[0] = circulating + load.sum() * 1.2
    for k in range(nodes):
        received[k] = kept * sent[k]
        if k + 1 < nodes:
            sent[k + 1] = received[k] - load[k + 1]
    power, intensity = np.zeros((nodes, 1)), np.zeros((nodes, 1))
    power[0], intensity[0] = sent[0] - received[-1], 0.7
    return Flows(nodes, start, end, sent, -received), power, intensity


def _matrices(flows: Flows, step: int, power: Array, intensity: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Sent and received [from, to], injected power and carbon, and what leaves a node for loads; plain loops."""
    n = flows.nodes
    sent, received, lost = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n)
    for k, (a, b) in enumerate(zip(flows.start, flows.end, strict=True)):
        into, out = float(flows.start_in[k, step]), float(flows.end_in[k, step])
        i, j, i_kw, j_kw = (a, b, into, -out) if into >= out else (b, a, out, -into)
        if j_kw > 0:
            sent[i, j] += i_kw
            received[i, j] += j_kw
        else:
            lost[i] += max(i_kw, 0.0)
            lost[j] += max(-j_kw, 0.0)
    if flows.shunt is not None:
        lost = lost + flows.shunt[:, step]
    through = power[:, step] + received.sum(axis=0)
    return sent, received, power[:, step] * intensity[:, step], through, through - sent.sum(axis=1) - lost


def dense(flows: Flows, step: int, power: Array, intensity: Array, losses: str) -> tuple[Array, Array]:
    """(n,) intensity and carbon of loads by full matrices; every node is taken to be reached and useful."""
    sent, received, carbon, through, load = _matrices(flows, step, power, intensity)
    if losses == "net":
        found = np.linalg.solve(np.diag(through) - received.T, carbon)
        return found, found * load
    used = np.maximum(load, 0.0)
    leaving = sent.sum(axis=1) + used
    found = np.linalg.solve(np.eye(flows.nodes) - (sent / leaving[:, None]).T, carbon) / leaving
    return found, found * used


def carried(flows: Flows, step: int, power: Array, intensity: Array) -> Array:
    """(n,) net intensity, by mixing again and again until nothing moves: no linear system."""
    _, received, carbon, through, _ = _matrices(flows, step, power, intensity)
    found = np.zeros(flows.nodes)
    for _ in range(200_000):
        after = (carbon + received.T @ found) / through
        if np.abs(after - found).max() < 1e-15:
            return after
        found = after
    raise AssertionError("does not come to rest")
