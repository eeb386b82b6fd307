"""GANs and Wasserstein GANs that train live in one and two dimensions."""

__version__ = "0.1.0"
