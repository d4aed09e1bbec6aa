"""A registry for the simulated hosts, and the small stand-ins for Kolla's images that it serves."""
