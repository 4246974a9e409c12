"""Measured and published series: where each lies, and how it becomes an archive, targets and tasks.

`registry.folder` is the only way to the files. One module per set turns them into an `Archive` whose availability
times state the set's protocol; what a set holds (zones, stations, months) is read from it and never written here.
"""
