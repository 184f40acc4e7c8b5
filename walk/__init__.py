"""A person's walk through the control room, in a real tmux: `make walk`. It also makes the pictures of the pages."""
