"""Programs of others that solve our cases in the same run: one file per peer, found by its being here.

A peer whose packages cannot stand beside ours lives in an environment of its own and answers as a process;
:mod:`benchmarks.peers.programs` holds what runs there.
"""
