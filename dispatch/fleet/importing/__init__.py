"""Lists of stations as people keep them → the table of sites that a fleet is planned from.

A mapping file says what the columns are; everything that is wrong with mapping and list is said at once, with row,
column and value, and nothing is taken before all is right, or before the wrong rows were left out on purpose.
"""
