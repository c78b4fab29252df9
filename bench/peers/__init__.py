"""What the usual open proctoring programs do with the same footage, measured beside ours."""
