"""The web side of the server: REST calls, pages, and who may use them."""
