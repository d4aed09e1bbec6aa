"""A registry for the simulated hosts, and the small fake images of Kolla's that it serves."""
