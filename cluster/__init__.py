"""Several servers on one database: who is there, who owns what, who does what only one may do."""
