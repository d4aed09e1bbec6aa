"""What servers are made with."""
