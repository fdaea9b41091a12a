"""What may be asked and shown: prompts and frames of prohibited kinds, warned of or refused where somebody wants that."""
