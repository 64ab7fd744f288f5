"""gwimage: one checked profile becomes a gateway image, and the proof that it does what the profile says."""

__version__ = "0.1.0"
