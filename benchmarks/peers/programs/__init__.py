"""Programs that run in a peer's own environment, with a file in and a file out. They import nothing of ours."""
