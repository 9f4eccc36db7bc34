"""The only place that wires settings, storage and engine into something that runs."""

from desirepath.server.serving import listen, serve
from desirepath.server.wiring import build_application, open_engine, open_in_process

__all__ = ["build_application", "listen", "open_engine", "open_in_process", "serve"]
