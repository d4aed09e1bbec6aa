"""An application credential: a login of its own for a machine, limited to one project and some roles."""
