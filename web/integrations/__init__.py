"""What other systems speak to, and what speaks to them."""
