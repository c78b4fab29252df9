"""What proctors' pages and scripts ask."""
