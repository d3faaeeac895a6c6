"""Where models are, how they are reached, and how far the sockets of this process go."""
