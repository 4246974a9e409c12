"""Processes that do jobs: a light one claims, keeps the lease and commits; its child computes, and can be killed."""
