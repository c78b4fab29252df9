"""Several servers as they are deployed, and what happens to them in an exam: one is killed, one drained, the database and the store go away."""
