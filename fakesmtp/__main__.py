"""``python -m fakesmtp``."""

import gc
import sys


def main() -> None:
    """Run the command line and end the process with its status."""
    # Imports make no garbage, and looking for it takes a tenth of the start; a server turns it on again.
    gc.disable()
    from fakesmtp.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
