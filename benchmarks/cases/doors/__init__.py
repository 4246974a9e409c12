"""Clients that nobody here wrote, driving a running server: what each does, step by step."""
