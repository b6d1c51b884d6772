"""Adding jobs and following them: what the window, the command line and handlers submit work with."""

from engine.client.client import Client

__all__ = ["Client"]
