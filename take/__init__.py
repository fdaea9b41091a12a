"""What a user can ask for, once for the command line and the graph."""
