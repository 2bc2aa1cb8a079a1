"""Spiking networks as parameters and weights."""
