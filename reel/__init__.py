"""The reel: a take on disk, segment by segment, and the record of what it is."""
