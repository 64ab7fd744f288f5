"""gwimage: one checked profile becomes a gateway image, and the proof that it does what the profile says."""

__version__ = "0.1.0"
HOMEPAGE = "https://gwimage.example/"  # stands for the address of the repository until it has one
