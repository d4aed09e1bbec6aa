"""What Neutron loads by PYTHONPATH in the lab."""
