"""Sampling of markets and shops, and the planner."""
