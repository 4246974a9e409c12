"""Where the buses of a network stand in a picture: as surveyed where the network says so, else as a tree."""

from __future__ import annotations

import json

import numpy as np

from grid_models.network import Array, Network


def positions(network: Network) -> tuple[Array, bool]:
    """(N, 2) x to the right and y upwards, and whether they are surveyed places."""
    surveyed = _surveyed(network)
    return (_tree(network), False) if surveyed is None else (surveyed, True)


def _surveyed(network: Network) -> Array | None:
    """Coordinates of pandapower's ``geo`` column (GeoJSON points); None where any bus lacks them or all are alike."""
    if network.reference is None or "geo" not in network.reference.net.bus:
        return None
    texts = network.reference.net.bus["geo"].loc[network.reference.buses]
    try:
        found = np.array([json.loads(text)["coordinates"][:2] for text in texts], dtype=np.float64)
    except (TypeError, ValueError, KeyError):
        return None
    distinct = len(np.unique(found, axis=0))
    # Places that most buses share tell nothing apart.
    return found if np.isfinite(found).all() and distinct > len(found) / 2 else None


def _tree(network: Network) -> Array:
    """Depth downwards from the slack along a breadth-first tree, leaves side by side, parents over their children."""
    import networkx as nx

    node = network.ac.bus_node
    graph = nx.Graph()
    graph.add_nodes_from(range(node.max() + 1))
    graph.add_edges_from(zip(network.ac.from_node.tolist(), network.ac.to_node.tolist(), strict=True))
    across = np.zeros(graph.number_of_nodes())
    depth = np.zeros(graph.number_of_nodes())
    free = 0.0
    seen: set[int] = set()
    for root in (int(n) for n in (*network.ac.slack_node, *graph.nodes)):
        if root in seen:
            continue
        tree = nx.bfs_tree(graph, root)
        tree.remove_nodes_from(seen)
        seen |= set(tree)
        for child, depth_of in nx.shortest_path_length(tree, root).items():
            depth[child] = depth_of
        for one in nx.dfs_postorder_nodes(tree, root):
            under = list(tree.successors(one))
            across[one] = np.mean([across[u] for u in under]) if under else free
            free += not under
    return np.stack([across[node], -depth[node]], axis=1)
