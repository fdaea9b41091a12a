"""`python -m comfyui_longtake` is the `longtake` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
