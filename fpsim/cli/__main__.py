"""``python -m fpsim.cli``."""

from fpsim.cli import main

if __name__ == "__main__":
    main()
