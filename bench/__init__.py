"""Measures the product by its own code."""
