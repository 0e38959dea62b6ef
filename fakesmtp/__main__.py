"""``python -m fakesmtp``."""

import sys


def main() -> None:
    """Run the command line and end the process with its status."""
    from fakesmtp.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
