"""`python -m comfyui_longtake` is the `longtake` command. Ctrl-C is heeded from here on, before anything else is imported."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


class Interrupts:
    """The first Ctrl-C stops the command, which says what is kept; a second one ends the process at once."""

    def __init__(self) -> None:
        self.count = 0

    def hit(self, number: int, frame: FrameType | None) -> None:
        """The handler. Raises KeyboardInterrupt."""
        self.count += 1
        if self.count > 1:
            os.write(2, b"longtake: interrupted again: ended at once\n")
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt


def main() -> int:
    """Runs the command line of this process and gives its exit code."""
    interrupts = Interrupts()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupts.hit)
    try:
        from .cli import main as command

        code = command()
    except BaseException:
        if not interrupts.count:
            raise
        os.write(2, b"longtake: interrupted\n")  # while something was imported, whose own errors hide it
        code = INTERRUPTED
    if interrupts.count:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to be stopped
    return code


if __name__ == "__main__":
    sys.exit(main())
