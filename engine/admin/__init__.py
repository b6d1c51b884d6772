"""What an operator does to queues and jobs: each action in one place, previewed where it destroys, and audited.

The window, the command line, the HTTP API and the spoken commands all come through here.
"""

from engine.admin.admin import MOST_CONCURRENCY, Admin

__all__ = ["MOST_CONCURRENCY", "Admin"]
