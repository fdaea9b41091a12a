"""Where the weights are made: the world they learn from, their training and evaluation. Nothing at run time needs it."""
