"""The table of hostile inputs: what one client does to the server's memory and to an honest student's readings."""
