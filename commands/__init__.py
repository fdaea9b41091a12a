"""One module per `longtake` command: `add_parser(subparsers)` and `run(arguments)`."""
