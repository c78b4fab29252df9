"""`./run.sh demo`: a whole server with six students who are drawn, for a first look at what proctors see."""
