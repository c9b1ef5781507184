"""Entry point of the command `groundcast`: from its first moment on, Ctrl-C ends it without a traceback.

It imports next to nothing itself: what is imported before `main` runs cannot be interrupted in silence.
"""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from .command_line import run_and_leave

        run_and_leave()
    except KeyboardInterrupt:
        from .exits import code_when_interrupted

        sys.exit(code_when_interrupted(sys.argv[1:]))


if __name__ == "__main__":
    main()
