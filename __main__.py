"""`python -m comfyui_longtake` is the `longtake` command. Ctrl-C is heeded from here on, before anything else is imported."""

import _thread
import os
import signal
import sys
import time
from types import FrameType

INTERRUPTED = 130
AGAIN = 0.01
"""Seconds after which a Ctrl-C that came at a place where nothing can be raised comes again."""


class Interrupts:
    """The first Ctrl-C stops the command, which says what is kept; a second one ends the process at once."""

    def __init__(self) -> None:
        self.count = 0
        self._due = False

    def hit(self, number: int, frame: FrameType | None) -> None:
        """The handler. Raises KeyboardInterrupt, as soon as nothing is being imported: libraries in C++ do not bear it."""
        if self._due:
            self._due = False
        else:
            self.count += 1
        if self.count > 1:
            os.write(2, b"longtake: interrupted again: ended at once\n")
            os._exit(INTERRUPTED)
        if _imports(frame):
            self._put_off()
            return
        raise KeyboardInterrupt

    def unraisable(self, lost: "sys.UnraisableHookArgs") -> None:
        """The hook of errors that Python drops, in a weak reference's callback for one. A Ctrl-C among them comes again."""
        if self.count and issubclass(lost.exc_type, KeyboardInterrupt):
            self._put_off()
        else:
            sys.__unraisablehook__(lost)

    def _put_off(self) -> None:
        def again() -> None:
            time.sleep(AGAIN)
            self._due = True
            _thread.interrupt_main()

        _thread.start_new_thread(again, ())


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported where the signal came."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def main() -> int:
    """Runs the command line of this process and gives its exit code."""
    interrupts = Interrupts()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupts.hit)
        sys.unraisablehook = interrupts.unraisable
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
