"""What operators ask: health and metrics."""
