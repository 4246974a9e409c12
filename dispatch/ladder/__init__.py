"""Never without an answer: the rungs from a proved optimum to a safe state."""
