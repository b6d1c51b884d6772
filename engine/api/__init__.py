"""The HTTP API: the queues' status for anybody who can reach it, the operator's actions for the admin token.

Hides FastAPI and uvicorn, and is imported only by a program that serves it. Who may ask, and how, is
`guard`'s; what is answered is `app`'s, `bodies`' and `metrics`'; the socket and the server are `server`'s.
"""

from __future__ import annotations

from engine.api.server import run_api, serving_api

__all__ = ["run_api", "serving_api"]
