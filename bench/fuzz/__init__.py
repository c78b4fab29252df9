"""What nobody would send, made at random from a seed: against the decoders, and against every REST call."""
