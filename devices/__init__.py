"""This machine's cameras, microphones, keys and clipboard."""
