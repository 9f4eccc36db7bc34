"""``desirepath`` with the instants of :mod:`tests.torture.task_instants`.

A process that ``serve`` spawns imports this file again, and is altered with it.
"""

from __future__ import annotations

from desirepath.cli import main
from tests.torture.task_instants import alter

alter()

if __name__ == "__main__":
    main()
