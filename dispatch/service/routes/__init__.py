"""The API's routes; a module for each resource, found by being here: each has a ``router``.

A module may say ``PREFIX = ""`` where its routes stand beside the API and not below ``/api/v1``.
"""
