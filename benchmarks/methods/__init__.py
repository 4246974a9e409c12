"""Other ways to the same answer, to judge by."""
