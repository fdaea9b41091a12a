"""The words of the model in the box: scenes, their captions, and how a prompt becomes one."""
