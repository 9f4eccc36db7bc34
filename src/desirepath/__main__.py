"""``python -m desirepath``."""

from desirepath.cli import main

if __name__ == "__main__":
    main()
