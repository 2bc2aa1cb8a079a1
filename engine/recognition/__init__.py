"""From a network and query frames to places and scores."""
