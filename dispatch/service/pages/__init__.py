"""Pages for people: an overview that only reads, made on the server, and a session in a cookie.

The operator's live page belongs at ``/sites/{site}/live``; nothing else stands there.
"""

from __future__ import annotations
