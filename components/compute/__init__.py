"""Nova: flavors."""
