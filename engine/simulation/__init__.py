"""A synthetic world and event camera, for the demo and the tests."""
