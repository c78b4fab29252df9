"""What benches run on: footage, a server, students, viewers, a browser."""
