"""``python -m fakesmtp``."""

import gc
import sys


def main() -> None:
    """Run the command line and end the process with its status."""
    # Imports make no garbage, and looking for it takes a tenth of the start; a server turns it on again.
    gc.disable()
    try:
        from fakesmtp.cli import run

        status = run()
    except KeyboardInterrupt:  # during the imports: nothing was begun
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
