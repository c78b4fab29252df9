"""Pictures and sound as they come, and the clips that are made of them."""
