"""LTI 1.3, the tool's side: learning platforms send people here, each signed for."""
